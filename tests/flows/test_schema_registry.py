"""Interactions in Confluent's wire format through the whole flow: forms and writers mixed, a registry away."""

import io
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastavro
import pytest
import redis

from flows.codecs import reading_one
from flows.simulate import simulate_into
from schemas.records import AvroSchema, avro_schema, batch_schema, versions
from sources.open_log import open_log
from sources.simulate import Traffic
from tests.faults.letters import dead_letters
from tests.faults.outcome import finished, ran
from tests.faults.traffic import Event, Message, good, write, wrong_vectors
from tests.flows.harness import PARTITIONS, Place, until
from tests.flows.oracle import differences, in_redis
from tests.services.broker import Broker
from tests.services.registry import SchemaRegistry
from tests.sources.places import everything

INTERACTION, OLDER = avro_schema("Interaction"), versions("Interaction")[0]
NEWER = {**INTERACTION, "fields": [*INTERACTION["fields"], {"name": "device", "type": "string"}]}
NOW = 1_760_000_000_000


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with SchemaRegistry() as own:
        yield own


@pytest.fixture
def place(registry: SchemaRegistry, redis_url: str, tmp_path: Path) -> Place:
    """A file log whose values are written with schema ids."""
    more = {"HEADRACE_SCHEMA_REGISTRY": registry.url, "HEADRACE_WIRE_FORMAT": "confluent"}
    return Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state", more)


def in_form(message: Message, schema_id: int, schema: AvroSchema, rows: list[Event]) -> Message:
    """The message with other bytes: these rows, behind the id of a schema."""
    out = io.BytesIO()
    record: Any = {"records": rows} if len(rows) > 1 else rows[0]
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    value = b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()
    return replace(message, value=value, events=tuple(rows))


def mixed(messages: list[Message], registry: SchemaRegistry) -> list[Message]:
    """Each message in one of five forms: the other encoding, three writers with an id, a batch with one."""
    ids = [registry.add(schema) for schema in (INTERACTION, OLDER, NEWER)]
    batch = batch_schema("InteractionBatch", INTERACTION)
    batch_id = registry.add(batch, "interactions-headrace.InteractionBatch")
    found = []
    for number, message in enumerate(messages):
        [row] = message.events
        if number % 5 == 1:
            message = in_form(message, ids[0], INTERACTION, [row])
        elif number % 5 == 2 and row["dwell_ms"] is None:
            message = in_form(message, ids[1], OLDER, [row])
        elif number % 5 == 3:
            message = in_form(message, ids[2], NEWER, [row | {"device": "phone"}])
        elif number % 5 == 4:
            twin = row | {"event_id": 10_000 + number, "type": "click", "dwell_ms": None}
            message = in_form(message, batch_id, batch, [row, twin])
        found.append(message)
    return found


@pytest.mark.parametrize("time_", ["live", "history"])
def test_forms_and_writers_mix_in_one_topic(
    registry: SchemaRegistry, kafka: Broker, topic_prefix: str, redis_url: str, tmp_path: Path, time_: str
) -> None:
    """What has an unknown id, or one of another record, is a dead letter that names it; the rest counts."""
    more = {
        "HEADRACE_SCHEMA_REGISTRY": registry.url,
        "HEADRACE_TOPIC_PREFIX": topic_prefix,
        "HEADRACE_TIME": time_,
    }
    place = Place(kafka.url, redis_url, tmp_path / "state", more)
    clean = mixed(good(time.time_ns() // 1_000_000), registry)
    other = registry.add(avro_schema("Post"))
    [unknown, wrong] = [
        replace(clean[1], value=b"\0" + number.to_bytes(4, "big") + b"\2" * 40, events=())
        for number in (9_999, other)
    ]
    messages = [*clean[:100], unknown, wrong, *clean[100:]]
    write(place, messages)
    ran(place).went_well()
    assert not wrong_vectors(messages, place)
    assert sorted(
        (letter["reason"], letter["detail"], letter["value"]) for letter in dead_letters(place)
    ) == [
        ("undecodable", "The schema registry knows no schema with the id 9999.", unknown.value),
        (
            "undecodable",
            f"The schema with the id {other} can't be read as Interaction: it describes Post.",
            wrong.value,
        ),
    ]
    asked = [question for question in registry.asked if question.startswith("GET /schemas/ids/")]
    assert len(asked) == len(set(asked)) == 6


def test_both_forms_lead_to_the_same_vectors(
    registry: SchemaRegistry, kafka: Broker, topic_prefix: str, redis_url: str, tmp_path: Path
) -> None:
    """Simulated, written and read in each form."""
    found = {}
    for form in ("single-object", "confluent"):
        more = {
            "HEADRACE_SCHEMA_REGISTRY": registry.url,
            "HEADRACE_WIRE_FORMAT": form,
            "HEADRACE_TOPIC_PREFIX": f"{topic_prefix}{form}.",
        }
        place = Place(kafka.url, redis_url, tmp_path / form, more)
        traffic = Traffic(users=500, hours=2, rate=60, seed=2, partitions=PARTITIONS)
        simulate_into(place.settings, traffic)
        ran(place).went_well()
        with redis.Redis.from_url(redis_url) as client:
            found[form] = in_redis(client)
            client.flushall()
    assert len(found["confluent"]) > 300, sorted(found["confluent"])
    assert not differences(found["single-object"], found["confluent"])
    assert f"{topic_prefix}confluent.interactions-value" in registry.subjects


def test_a_registry_that_is_away_stops_the_flow_and_loses_nothing(
    place: Place, registry: SchemaRegistry
) -> None:
    messages = mixed(good(NOW), registry)
    write(place, messages)
    place.more["HEADRACE_WIRE_FORMAT"] = "single-object"
    place.more["HEADRACE_SCHEMA_REGISTRY_RETRY_MS"] = "300"
    registry.stop()
    sentence = ran(place).sentence()
    assert sentence.startswith(f"the schema registry at {registry.url} did not answer for 0.")
    assert sentence.endswith("start it, or correct schema_registry")
    registry.start()
    ran(place).went_well()
    assert not wrong_vectors(messages, place)
    assert not dead_letters(place)


def test_a_registry_that_comes_back_is_waited_for(place: Place, registry: SchemaRegistry) -> None:
    messages = mixed(good(NOW), registry)
    write(place, messages)
    place.more["HEADRACE_WIRE_FORMAT"] = "single-object"
    registry.answers += [(503, b"starting")] * 4
    ran(place).went_well()
    assert registry.answers == []
    assert not wrong_vectors(messages, place)


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_a_flow_that_is_told_to_stop_does_not_wait_for_the_registry(
    place: Place, registry: SchemaRegistry, engine: str
) -> None:
    write(place, mixed(good(NOW), registry))
    more = {"WIRE_FORMAT": "single-object", "STOP_MS": "300", "ENGINE": engine}
    place.more.update({f"HEADRACE_{name}": value for name, value in more.items()})
    registry.answers += [(503, b"starting")] * 1000
    process = place.start()
    until(lambda: registry.asked)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert "did not answer" in finished(process).sentence()
    assert time.monotonic() - began < 10


def test_dead_letters_are_written_behind_the_id_of_their_schema(
    place: Place, registry: SchemaRegistry
) -> None:
    broken = replace(good(NOW)[0], value=b"broken", events=())
    write(place, [broken])
    ran(place).went_well()
    [schema_id] = registry.subjects["dead_letters-value"]
    log = open_log(place.settings)
    values = everything(log, "dead_letters", broken.partition).values
    assert [value[:5] for value in values if value] == [b"\0" + schema_id.to_bytes(4, "big")]
    [letter] = reading_one(place.settings, "dead_letters").decode([v for v in values if v]).rows.to_pylist()
    assert (letter["reason"], letter["value"]) == ("undecodable", b"broken")
    log.close()


def test_a_schema_that_may_not_be_registered_is_one_sentence(place: Place, registry: SchemaRegistry) -> None:
    write(place, good(NOW))
    registry.add({**avro_schema("DeadLetter"), "fields": []}, "dead_letters-value")
    sentence = ran(place).sentence()
    assert sentence.startswith(
        "topic 'dead_letters' can't be written with schema ids: the schema registry at"
    )
    assert "not compatible" in sentence
