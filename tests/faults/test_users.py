"""The topic `users` is compacted: a null value erases, it is not bad; what can't be read is set aside at its offset."""

import io
from pathlib import Path

import fastavro

from schemas.records import avro_schema, fingerprint
from tests.faults.letters import dead_letters
from tests.faults.outcome import ran
from tests.faults.traffic import Message, good, write, wrong_vectors
from tests.flows.harness import PARTITIONS, Place
from tests.flows.oracle import placed

NOW = 1_760_000_000_000
NOBODY = 1_000
"""A user who does nothing, and whom nothing is done to."""


def user(number: int) -> bytes:
    schema = avro_schema("User")
    row = {
        "user_id": number,
        "country": "NZ",
        "language": "mi",
        "created_ms": NOW - 1,
        "interests": [],
        "at_ms": NOW,
    }
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), row)
    return b"\xc3\x01" + fingerprint(schema) + out.getvalue()


def test_a_null_value_erases_and_a_bad_one_is_a_dead_letter(redis_url: str, tmp_path: Path) -> None:
    place = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state")
    clean = good(NOW)
    write(place, clean)
    here, key = placed(NOBODY, PARTITIONS), NOBODY.to_bytes(8, "big")
    values = [user(NOBODY), None, None, user(NOBODY)[:-2], None, user(NOBODY)]
    write(place, [Message(here, value, NOW, key=key) for value in values], "users")
    outcome = ran(place)
    outcome.went_well()
    [letter] = dead_letters(place)
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("users", here, 3)
    assert (letter["reason"], letter["value"]) == ("undecodable", values[3])
    assert not wrong_vectors(clean, place)
