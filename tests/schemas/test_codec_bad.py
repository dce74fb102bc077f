"""Bad values: found among good ones, named in a sentence, and judged the same whoever stands beside them."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import BadRecord, Codec
from schemas.reasons import TOO_LARGE, UNDECODABLE
from schemas.records import avro_schema, versions
from tests.schemas.avro_values import Row, framed, interaction, rows_of, values_of

CODEC = Codec("Interaction")
SCHEMA = avro_schema("Interaction")
LEAST_LONG = b"\xff" * 9 + b"\x01"


GOOD = framed(SCHEMA, interaction())
assert (
    GOOD[10:]
    == b"\x02\x02\x04\x06\x08\x02\x0avideo\x02\x04de\x00\x02\x02\x00\x08home\x80\xa0\xab\xfe\xf9\x62"
)


def replaced(old: bytes, new: bytes) -> bytes:
    """The good value with other bytes in one place."""
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


DAMAGES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "The value is empty."),
    "too short for a header": (GOOD[:9], "The value has 9 bytes, too few for the header"),
    "not Avro": (b'{"event_id": 1, "type": "click"}', "The value starts with 7b22, not with c301"),
    "unknown schema": (
        GOOD[:2] + b"\0" * 8 + GOOD[10:],
        "No known schema has the fingerprint 0000000000000000.",
    ),
    "header only": (GOOD[:10], "The bytes end within field event_id."),
    "cut in the last field": (GOOD[:-1], "The bytes end within field at_ms."),
    "cut in a string": (GOOD[:20], "Field content_type says that it has 5 bytes, where 3 are left."),
    "a byte more": (GOOD + b"\0", "1 bytes are left over after the record."),
    "twice": (GOOD + GOOD, f"{len(GOOD)} bytes are left over after the record."),
    "an empty block more": (GOOD + LEAST_LONG + b"\0", "11 bytes are left over after the record."),
    "unknown word": (GOOD[:11] + b"\x1a" + GOOD[12:], "Field type is 13, which is no code of its 13 words."),
    "word before the first": (
        GOOD[:11] + b"\x01" + GOOD[12:],
        "Field type is -1, which is no code of its 13 words.",
    ),
    "unknown branch": (
        replaced(b"\x02\x04de", b"\x04\x04de"),
        "Field region says that it has branch 2 of a union of 2.",
    ),
    "negative branch": (
        replaced(b"\x02\x04de", b"\x01\x04de"),
        "Field region says that it has branch -1 of a",
    ),
    "string of negative length": (
        replaced(b"\x04de", b"\x03de"),
        "Field region says that it has -2 bytes, where",
    ),
    "string of vast length": (
        replaced(b"\x08home", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01home"),
        f"Field surface says that it has {2**63 - 1} bytes, where 10 are left.",
    ),
    "string that is not UTF-8": (replaced(b"\x04de", b"\x04\xffe"), "Field region is not UTF-8."),
    "int of 33 bits": (
        replaced(b"\x02\x02\x00\x08home", b"\x02\x80\x80\x80\x80\x10\x00\x08home"),
        "Field position is 2147483648, which is no 32-bit number.",
    ),
    "number without end": (
        GOOD[:10] + b"\xff" * 11 + GOOD[10:],
        "Field event_id has a number of more than ten bytes.",
    ),
}


@pytest.mark.parametrize(("value", "detail"), DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("neighbours", [0, 1, 3000])
def test_a_bad_value_is_named_and_the_rest_goes_on(value: bytes, detail: str, neighbours: int) -> None:
    values = [framed(SCHEMA, interaction(event_id=i)) for i in range(neighbours)]
    where = neighbours // 2
    decoded = CODEC.decode([*values[:where], value, *values[where:]])
    decoded.rows.validate(full=True)
    (bad,) = decoded.bad
    assert bad.detail.startswith(detail)
    assert (bad.index, bad.value, bad.reason) == (where, value, UNDECODABLE)
    assert decoded.rows.column("event_id").to_pylist() == list(range(neighbours))
    assert decoded.source is not None
    assert decoded.source.tolist() == [i for i in range(neighbours + 1) if i != where]


def test_all_kinds_of_damage_at_once() -> None:
    damaged = [value for value, _ in DAMAGES.values()]
    values = [
        value
        for i, value in enumerate(damaged * 30)
        for value in (framed(SCHEMA, interaction(event_id=i)), value)
    ]
    decoded = CODEC.decode(values)
    assert [bad.index for bad in decoded.bad] == list(range(1, len(values), 2))
    assert [bad.value for bad in decoded.bad] == damaged * 30
    assert decoded.rows.column("event_id").to_pylist() == list(range(len(values) // 2))


def test_unusual_but_right_bytes_are_read() -> None:
    """A long may be written with more bytes than it needs."""
    value = GOOD[:10] + b"\x82\x80\x00" + GOOD[11:]
    broken = GOOD[:-1]
    assert CODEC.decode([value]).rows == CODEC.decode([GOOD]).rows
    assert CODEC.decode([broken, value]).rows == CODEC.decode([GOOD]).rows


def test_a_block_of_the_least_long_is_empty_for_every_path() -> None:
    """Its count has no positive; pyruhvro takes it for an empty block, so everybody must."""
    schema = avro_schema("User")
    row: Row = {"user_id": 1, "country": "de", "language": "de", "created_ms": 2, "interests": [], "at_ms": 3}
    value = framed(schema, row)
    odd = value[:-2] + LEAST_LONG + b"\x08" + value[-2:]
    codec = Codec("User")
    assert rows_of(codec.decode([odd]).rows) == [row]
    for writer in codec._writers:
        writer.wire = None
    assert rows_of(codec.decode([odd]).rows) == [row]


def test_a_value_that_swallows_its_neighbour_is_bad_alone() -> None:
    """The string of the first says that it goes on exactly to the end of the second."""
    neighbour = framed(SCHEMA, interaction(event_id=7))
    values = []
    for guard in range(40):  # whatever stands between the two when they are read
        rest = guard + len(neighbour) - 6
        values += [GOOD[:-11] + bytes([2 * rest % 128 + 128, 2 * rest // 128]), neighbour, GOOD]
    decoded = CODEC.decode(values)
    assert [bad.index for bad in decoded.bad] == list(range(0, 120, 3))
    assert decoded.rows.column("event_id").to_pylist() == [7, 1] * 40


@pytest.mark.parametrize("values", [[b"x" * 2001], [GOOD, b"x" * 2001, GOOD]])
def test_a_value_beyond_the_limit_is_not_looked_into(values: Sequence[bytes]) -> None:
    decoded = Codec("Interaction", max_record_bytes=2000).decode(values)
    detail = "The value has 2001 bytes, more than the limit of 2000."
    assert decoded.bad == [BadRecord(len(values) // 2, detail, None, TOO_LARGE)]
    assert decoded.rows.num_rows == len(values) - 1


def test_a_record_of_the_largest_size_is_read() -> None:
    value = framed(SCHEMA, interaction(surface="x" * 1900))
    assert Codec("Interaction", max_record_bytes=len(value)).decode([value, GOOD]).rows.num_rows == 2
    assert Codec("Interaction", max_record_bytes=len(value) - 1).decode([value, GOOD]).rows.num_rows == 1


BATCH = avro_schema("InteractionBatch")


def batch(*rows: Row) -> bytes:
    return framed(BATCH, {"records": list(rows)})


def test_a_bad_record_in_a_batch_is_bad_alone() -> None:
    good = batch(interaction(event_id=1), interaction(event_id=2), interaction(event_id=3))
    unknown_word = good.replace(GOOD[10:].replace(b"\x02", b"\x04", 1), b"\x04\x40" + GOOD[12:])
    assert unknown_word != good
    decoded = CODEC.decode([batch(interaction(event_id=0)), unknown_word, batch(interaction(event_id=4))])
    assert decoded.rows.column("event_id").to_pylist() == [0, 1, 3, 4]
    assert decoded.source is not None
    assert decoded.source.tolist() == [0, 1, 1, 2]
    alone = GOOD[:10] + b"\x04\x40" + GOOD[12:]
    assert decoded.bad == [BadRecord(1, "Field type is 32, which is no code of its 13 words.", alone)]
    assert CODEC.decode([alone]).bad == [BadRecord(0, decoded.bad[0].detail, alone)]


def test_a_record_in_a_batch_that_is_not_text_keeps_its_bytes() -> None:
    wrong = batch(interaction(event_id=1), interaction(event_id=2, region="xy")).replace(b"xy", b"\xff\xfe")
    (bad,) = CODEC.decode([wrong]).bad
    alone = framed(SCHEMA, interaction(event_id=2, region="xy")).replace(b"xy", b"\xff\xfe")
    assert bad == BadRecord(0, "Field region is not UTF-8.", alone)


def test_a_batch_of_an_unknown_writer_is_bad_once() -> None:
    unknown_word = batch(interaction(), interaction()).replace(b"\x02\x02\x04\x06", b"\x02\x40\x04\x06")
    unknown = unknown_word[:2] + b"unknown." + unknown_word[10:]
    decoded = CODEC.decode([batch(interaction()), unknown])
    assert [(bad.index, bad.value) for bad in decoded.bad] == [(1, unknown)]
    assert decoded.rows.num_rows == 1


@pytest.mark.parametrize(
    ("damage", "detail"),
    [
        (lambda value: value[:-3], "The bytes end within field at_ms."),
        (lambda value: value + b"\0", "1 bytes are left over after the record."),
        (lambda value: value[:10] + b"\x08" + value[11:], "Field event_id says"),
        (lambda value: value[:10] + b"\x02" + value[11:], "The batch says that it has 1 items"),
        (lambda value: value[:10] + LEAST_LONG, "The bytes end within the batch."),
        (
            lambda value: value[:10] + b"\xfe\xff\xff\xff\x0f",
            f"The batch says that it has {2**31 - 1} items, where 0",
        ),
        (
            lambda value: value.replace(b"\x0avideo", b"\x0bvideo", 1),
            "Field content_type says that it has -6 bytes",
        ),
    ],
)
def test_a_batch_of_which_the_end_is_lost_is_bad_as_a_whole(
    damage: Callable[[bytes], bytes], detail: str
) -> None:
    """What follows a record of unknown end could be read as anything, so none of it is used."""
    whole = batch(interaction(event_id=1), interaction(event_id=2), interaction(event_id=3))
    damaged = damage(whole)
    decoded = CODEC.decode([whole, damaged, whole])
    assert decoded.rows.column("event_id").to_pylist() == [1, 2, 3] * 2
    (bad,) = decoded.bad
    assert (bad.index, bad.value) == (1, damaged)


def mutated(value: bytes, seed: int) -> bytes:
    """A few bytes changed, put in, taken out or cut off; sometimes none."""
    rng = random.Random(seed)
    where = (
        rng.randrange(len(value) + 1)
        if rng.random() < 0.1
        else rng.randrange(min(10, len(value)), len(value) + 1)
    )
    odd = [LEAST_LONG, b"\xff" * 9 + b"\x7f", b"\xff" * 11, b"\x80\x00", b"\x01\x08", b"\x00", b"\x02"]
    new = rng.choice([b"", rng.randbytes(rng.randrange(12)), rng.choice(odd)])
    return value[:where] + new + value[where + rng.choice([0, 1, len(new), rng.randrange(6), len(value)]) :]


@pytest.mark.parametrize("record", ["Interaction", "Post", "Served", "DeadLetter"])
@settings(max_examples=80)
@given(data=st.data())
def test_what_is_decided_about_a_value_does_not_depend_on_its_neighbours(
    record: str, data: st.DataObject
) -> None:
    """In a batch, alone on the fast path, and alone before the judge: the same rows, the same complaint."""
    codec = Codec(record)
    schemas = versions(record) + (versions("InteractionBatch") if record == "Interaction" else [])
    drawn = data.draw(st.lists(st.sampled_from(schemas), min_size=1, max_size=6))
    good = [framed(schema, data.draw(values_of(schema))) for schema in drawn]
    values = [mutated(value, data.draw(st.integers(0, 2**32))) for value in good]
    together = codec.decode(values)
    together.rows.validate(full=True)
    alone = [codec.decode([value]) for value in values]
    source = range(len(values)) if together.source is None else together.source.tolist()
    assert repr(rows_of(together.rows)) == repr([row for one in alone for row in rows_of(one.rows)])
    assert list(source) == [i for i, one in enumerate(alone) for _ in range(one.rows.num_rows)]
    assert [(bad.index, bad.detail) for bad in together.bad] == [
        (i, bad.detail) for i, one in enumerate(alone) for bad in one.bad
    ]
    for writer in codec._writers:
        writer.wire = None
    judged = codec.decode(values)
    assert repr(rows_of(judged.rows)) == repr(rows_of(together.rows))
    assert [bad.detail for bad in judged.bad] == [bad.detail for bad in together.bad]
