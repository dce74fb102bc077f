"""Values in Confluent's wire format: alone, mixed with the other form, of writers that only a registry knows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.errors import HeadraceError
from schemas.records import BATCHED, RECORDS, AvroSchema, avro_schema, batch_schema, fingerprint, versions
from tests.schemas.avro_values import Row, framed, interaction, rows_of, unframed, values_of
from tests.schemas.test_codec import columns_of
from tests.schemas.test_codec_bad import mutated

SINGLE = [record for record in RECORDS if record not in BATCHED.values()]
INTERACTION, BATCH = avro_schema("Interaction"), avro_schema("InteractionBatch")

# Read as a float of little-endian bytes these are signalling numbers, infinities, zeros and quiet NaN.
IDS = [1, 2, 0xA17F, 0x81FF, 0x807F, 0x80FF, 0x7F, 0xC07F, 2**31 - 1, 0x8080, 0x0181_007F]


@dataclass
class Source:
    """A registry in memory, and what it was asked."""

    schemas: Mapping[int, AvroSchema | str] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def schema(self, schema_id: int) -> AvroSchema | str | None:
        self.asked.append(schema_id)
        return self.schemas.get(schema_id)


def with_id(schema_id: int, schema: AvroSchema, row: Row) -> bytes:
    """The value of a row in Confluent's wire format, by fastavro."""
    return b"\0" + schema_id.to_bytes(4, "big") + framed(schema, row)[10:]


@pytest.mark.parametrize("record", SINGLE)
@settings(max_examples=40)
@given(data=st.data())
def test_a_batch_is_read_as_fastavro_reads_each_value(record: str, data: st.DataObject) -> None:
    schema = avro_schema(record)
    rows = data.draw(st.lists(values_of(schema), max_size=6))
    decoded = Codec(record, source=Source({7: schema})).decode([with_id(7, schema, row) for row in rows])
    decoded.rows.validate(full=True)
    assert rows_of(decoded.rows) == [unframed(framed(schema, row), schema, schema) for row in rows]
    assert decoded.bad == []


@pytest.mark.parametrize("record", SINGLE)
@settings(max_examples=30)
@given(data=st.data())
def test_rows_are_written_behind_the_id_of_their_schema(record: str, data: st.DataObject) -> None:
    schema = avro_schema(record)
    rows, number = data.draw(st.lists(values_of(schema), max_size=5)), data.draw(st.sampled_from(IDS))
    codec = Codec(record, ids={record: number})
    values = codec.encode(columns_of(record, rows))
    assert values == [with_id(number, schema, row) for row in rows]
    assert rows_of(codec.decode(values).rows) == rows_of(
        Codec(record).decode([framed(schema, row) for row in rows]).rows
    )


@settings(max_examples=30)
@given(st.lists(values_of(INTERACTION), max_size=7), st.integers(1, 9), st.sampled_from(IDS))
def test_batches_have_an_id_of_their_own(rows: list[Row], size: int, number: int) -> None:
    codec = Codec("Interaction", ids={"Interaction": 99, "InteractionBatch": number})
    values = codec.encode_batches(columns_of("Interaction", rows), size)
    cut = [rows[start : start + size] for start in range(0, len(rows), size)]
    assert values == [with_id(number, BATCH, {"records": records}) for records in cut]
    assert rows_of(codec.decode(values).rows) == rows


OLDER = versions("Interaction")[0]
NEWER = {**INTERACTION, "fields": [*INTERACTION["fields"][::-1], {"name": "device", "type": "string"}]}
OTHER_WORDS = json.loads(json.dumps(INTERACTION).replace('"impression", ', '"impression", "boost", '))
JAVA = json.loads(
    json.dumps(INTERACTION)
    .replace('"string"', '{"type": "string", "avro.java.string": "String"}')
    .replace('"headrace"', '"com.example"')
)
BY_ID: dict[int, AvroSchema] = {
    1: INTERACTION,
    2: OLDER,
    0xA17F: NEWER,
    4: BATCH,
    5: batch_schema("InteractionBatch", NEWER),
    6: OTHER_WORDS,
    7: JAVA,
    8: batch_schema("InteractionBatch", OTHER_WORDS),
}


@settings(max_examples=120)
@given(data=st.data())
def test_what_is_decided_about_a_value_does_not_depend_on_its_neighbours(data: st.DataObject) -> None:
    """Both forms, all writers, some of it damaged: in a batch, alone, and alone before the judge, it is the same."""
    ids = data.draw(st.lists(st.sampled_from([*BY_ID, None]), min_size=1, max_size=8))
    values = []
    for number in ids:
        schema = INTERACTION if number is None else BY_ID[number]
        row = data.draw(values_of(schema))
        values.append(framed(schema, row) if number is None else with_id(number, schema, row))
    if data.draw(st.booleans()):
        values = [mutated(value, data.draw(st.integers(0, 2**32))) for value in values]
    together = Codec("Interaction", source=Source(BY_ID)).decode(values)
    together.rows.validate(full=True)
    codec = Codec("Interaction", source=Source(BY_ID))
    alone = [codec.decode([value]) for value in values]
    source = range(len(values)) if together.source is None else together.source.tolist()
    assert rows_of(together.rows) == [row for one in alone for row in rows_of(one.rows)]
    assert list(source) == [i for i, one in enumerate(alone) for _ in range(one.rows.num_rows)]
    said = [(bad.index, bad.detail) for bad in together.bad]
    assert said == [(i, bad.detail) for i, one in enumerate(alone) for bad in one.bad]
    for writer in codec._writers:
        writer.wire = None
    judged = codec.decode(values)
    assert rows_of(judged.rows) == rows_of(together.rows)
    assert [bad.detail for bad in judged.bad] == [bad.detail for bad in together.bad]


@pytest.mark.parametrize("number", [2, 0xA17F, 7], ids=["older", "newer", "Java's"])
def test_writers_of_a_registry_are_read_on_the_fast_path(number: int) -> None:
    schema = BY_ID[number]
    row = {one["name"]: (interaction() | {"device": "x"})[one["name"]] for one in schema["fields"]}
    codec = Codec("Interaction", source=Source(BY_ID))
    decoded = codec.decode([with_id(number, schema, row)] * 3)
    [writer] = [one for one in codec._writers if one.header.bytes == b"\0" + number.to_bytes(4, "big")]
    assert writer.wire is not None
    assert decoded.rows.num_rows == 3


def test_both_forms_keep_the_order_of_their_messages() -> None:
    rows = [interaction(event_id=i) for i in range(3000)]
    ways = [lambda row: framed(INTERACTION, row), lambda row: with_id(1, INTERACTION, row)]
    values = [ways[i * 7 % 3 % 2](row) for i, row in enumerate(rows)]
    decoded = Codec("Interaction", source=Source(BY_ID)).decode(values)
    assert decoded.rows.column("event_id").to_pylist() == list(range(3000))
    assert decoded.bad == []


def test_a_writer_of_very_many_fields_may_be_learnt_from_damaged_values() -> None:
    """The walk over many values at once looks further beyond the end of the last one than for any writer before."""
    more = [{"name": f"more{i}", "type": "double"} for i in range(200)]
    last = {"name": "last", "type": "long"}
    wide = {**INTERACTION, "fields": [*INTERACTION["fields"], *more, last]}
    value = with_id(1, wide, interaction() | {field["name"]: 0.5 for field in more} | {"last": 1})
    decoded = Codec("Interaction", source=Source({1: wide})).decode([value, value[:20]])
    assert (decoded.rows.num_rows, [bad.index for bad in decoded.bad]) == (1, [1])


def test_each_id_is_asked_for_once() -> None:
    source = Source(BY_ID)
    codec = Codec("Interaction", source=source)
    for _ in range(3):
        codec.decode([framed(INTERACTION, interaction()), with_id(1, INTERACTION, interaction())] * 5)
    assert source.asked == [1]


def test_an_unknown_id_is_bad_and_asked_for_again_later() -> None:
    """How long a "no" counts is for the source to say: it is asked for each batch of values."""
    source = Source({})
    codec = Codec("Interaction", source=source)
    value = with_id(77, INTERACTION, interaction())
    (bad,) = codec.decode([value]).bad
    assert bad.detail == "The schema registry knows no schema with the id 77."
    source.schemas = {77: INTERACTION}
    assert codec.decode([value]).rows.num_rows == 1


REFUSED: dict[str, tuple[Any, str]] = {
    "another record": (avro_schema("Post"), "it describes Post"),
    "no record": ({"type": "enum", "name": "Interaction", "symbols": ["a"]}, "it describes no record"),
    "a union": (["null", INTERACTION], "it describes no record"),
    "not of Avro": ("it is of the type PROTOBUF", "it is of the type PROTOBUF"),
    "a field less": (
        {**INTERACTION, "fields": INTERACTION["fields"][1:]},
        "a writer's schema of Interaction lacks the field event_id, which has no default",
    ),
    "a batch of others": (batch_schema("InteractionBatch", avro_schema("Post")), "another field than one"),
}


@pytest.mark.parametrize(("schema", "why"), REFUSED.values(), ids=REFUSED)
def test_a_schema_that_can_not_be_used_is_named_with_the_reason(schema: Any, why: str) -> None:
    source = Source({5: schema})
    codec = Codec("Interaction", source=source)
    good, value = framed(INTERACTION, interaction()), with_id(5, INTERACTION, interaction())
    for _ in range(2):
        decoded = codec.decode([good, value])
        (bad,) = decoded.bad
        assert bad.detail.startswith("The schema with the id 5 can't be read as Interaction: ")
        assert why in bad.detail
        assert (bad.index, bad.value, decoded.rows.num_rows) == (1, value, 1)
    assert source.asked == [5]


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (b"\0\0\0", "The value has 3 bytes, too few for the header of Confluent's wire format."),
        (
            b"\0\0\0\0\x05\x02",
            "The value has the schema id 5, as in Confluent's wire format, and no schema registry is set.",
        ),
    ],
)
def test_without_a_registry_the_form_is_named(value: bytes, detail: str) -> None:
    (bad,) = Codec("Interaction").decode([value]).bad
    assert bad.detail.startswith(detail)


def test_an_id_beyond_those_of_a_registry_is_not_asked_for() -> None:
    source = Source()
    decoded = Codec("Interaction", source=source).decode([b"\0\xff\0\0\0\x02", b"\0\0\0", b""])
    assert [bad.index for bad in decoded.bad] == [0, 1, 2]
    said = "The value has the schema id 4278190080, as in Confluent's wire format, and no registry gives such"
    assert decoded.bad[0].detail == f"{said} a number."
    assert source.asked == []


def test_a_registry_that_does_not_answer_decides_nothing() -> None:
    class Away:
        def schema(self, schema_id: int) -> AvroSchema | str | None:
            raise HeadraceError("away")

    codec = Codec("Interaction", source=Away())
    with pytest.raises(HeadraceError, match="away"):
        codec.decode([framed(INTERACTION, interaction()), with_id(1, INTERACTION, interaction())])


def test_what_a_registry_taught_does_not_change_the_other_form() -> None:
    """Else it would depend on what was read before whether a value can be read."""
    codec = Codec("Interaction", source=Source(BY_ID))
    row = {one["name"]: (interaction() | {"device": "x"})[one["name"]] for one in NEWER["fields"]}
    codec.decode([with_id(0xA17F, NEWER, row), with_id(5, BY_ID[5], {"records": [row]})])
    (bad,) = codec.decode([framed(NEWER, row)]).bad
    assert bad.detail == f"No known schema has the fingerprint {fingerprint(NEWER).hex()}."
