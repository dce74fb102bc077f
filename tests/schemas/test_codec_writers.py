"""Values of earlier, later and unknown writers, alone and side by side."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.errors import UsageError
from schemas.records import AvroSchema, avro_schema, batch_schema, versions
from tests.schemas.avro_values import Row, framed, interaction, rows_of, unframed, values_of

VERSIONED = ["Post", "Interaction"]
INTERACTION = avro_schema("Interaction")


def with_fields(schema: AvroSchema, **types: Any) -> AvroSchema:
    """A later writer: fields of other types, and new ones at the front."""
    names = [field["name"] for field in schema["fields"]]
    changed = {name: {"name": name, "type": type_} for name, type_ in types.items()}
    new = [field for name, field in changed.items() if name not in names]
    return {**schema, "fields": new + [changed.get(field["name"], field) for field in schema["fields"]]}


def wider_enum(*words: str) -> Any:
    (kind,) = (field["type"] for field in INTERACTION["fields"] if field["name"] == "type")
    return {**kind, "symbols": [*words, *kind["symbols"]]}


NEWER: dict[str, AvroSchema] = {
    "a field more": with_fields(INTERACTION, device=["null", "string"]),
    "other order": {**INTERACTION, "fields": INTERACTION["fields"][::-1]},
    "nested fields more": with_fields(
        INTERACTION, tags={"type": "array", "items": {"type": "map", "values": "int"}}, raw="bytes"
    ),
    "a time with a logical type": with_fields(
        INTERACTION, at_ms={"type": "long", "logicalType": "timestamp-millis"}
    ),
    "never null": with_fields(INTERACTION, region="string", position="int"),
    "a narrower id": with_fields(INTERACTION, post_id="int"),
    "other branches": with_fields(INTERACTION, region=["string", "null"]),
    "other words": with_fields(INTERACTION, type=wider_enum()),
}


@pytest.mark.parametrize("record", VERSIONED)
@settings(max_examples=100)
@given(data=st.data())
def test_every_kept_version_is_read_into_the_current_columns(record: str, data: st.DataObject) -> None:
    writers = data.draw(st.lists(st.sampled_from(versions(record)), max_size=6))
    values = [framed(writer, data.draw(values_of(writer))) for writer in writers]
    decoded = Codec(record).decode(values)
    expected = [
        unframed(value, writer, avro_schema(record)) for value, writer in zip(values, writers, strict=True)
    ]
    assert (rows_of(decoded.rows), decoded.bad) == (expected, [])


@pytest.mark.parametrize("writer", NEWER.values(), ids=NEWER.keys())
@settings(max_examples=40)
@given(data=st.data())
def test_a_later_writer_is_read_into_the_current_columns(writer: AvroSchema, data: st.DataObject) -> None:
    codec = Codec("Interaction", known=[writer])
    rows = data.draw(st.lists(values_of(writer), max_size=4))
    batch = batch_schema("InteractionBatch", writer)
    values = [framed(writer, row) for row in rows]
    plain = json.loads(
        json.dumps(writer).replace('"logicalType"', '"note"')
    )  # else fastavro makes it a datetime
    expected = [unframed(value, plain, INTERACTION) for value in values]
    decoded = codec.decode([*values, framed(batch, {"records": rows})])
    assert (rows_of(decoded.rows), decoded.bad) == (expected * 2, [])


@pytest.mark.parametrize("batched", [False, True])
def test_a_word_that_this_reader_does_not_know_is_bad_alone(batched: bool) -> None:
    writer = with_fields(INTERACTION, type=wider_enum("boost"))
    rows = [
        example(writer) | {"type": word, "event_id": i} for i, word in enumerate(["click", "boost", "like"])
    ]
    codec = Codec("Interaction", known=[writer])
    values = [framed(writer, row) for row in rows]
    if batched:
        batch = batch_schema("InteractionBatch", writer)
        decoded = codec.decode([framed(batch, {"records": rows})])
    else:
        decoded = codec.decode(values)
    assert [(row["event_id"], row["type"]) for row in rows_of(decoded.rows)] == [(0, "click"), (2, "like")]
    (bad,) = decoded.bad
    assert (bad.index, bad.value) == (0 if batched else 1, values[1])
    assert "boost" in bad.detail


@pytest.mark.parametrize("code", [b"\x01", b"\x1c"])
def test_a_code_that_its_own_writer_does_not_know_is_bad(code: bytes) -> None:
    writer = with_fields(INTERACTION, type=wider_enum("boost"))
    good = framed(writer, example(writer))
    assert good[11:12] == b"\x04"
    (bad,) = Codec("Interaction", known=[writer]).decode([good, good[:11] + code + good[12:]]).bad
    assert "which is no code of its 14 words" in bad.detail


def test_writers_side_by_side_keep_the_order_of_their_messages() -> None:
    older, newer = versions("Interaction")[0], NEWER["other order"]
    codec = Codec("Interaction", known=[newer])
    writers = [INTERACTION, older, newer] * 400
    values = [framed(writer, example(writer) | {"event_id": i}) for i, writer in enumerate(writers)]
    decoded = codec.decode(values)
    assert decoded.rows.column("event_id").to_pylist() == list(range(1200))
    assert decoded.source is None or decoded.source.tolist() == list(range(1200))
    assert decoded.bad == []


def test_an_extra_schema_of_a_batch_is_known_by_itself() -> None:
    item = with_fields(INTERACTION, device="string")
    batch = batch_schema("InteractionBatch", item)
    row = example(item)
    decoded = Codec("Interaction", known=[batch]).decode(
        [framed(batch, {"records": [row, row]}), framed(item, row)]
    )
    assert decoded.rows.num_rows == 2
    assert [bad.index for bad in decoded.bad] == [1]


def test_a_writer_that_lacks_a_field_without_default_is_refused_at_once() -> None:
    writer = {**INTERACTION, "fields": INTERACTION["fields"][1:]}
    with pytest.raises(UsageError, match="Interaction lacks the field event_id, which has no default"):
        Codec("Interaction", known=[writer])


@pytest.mark.parametrize("fields", [[], [{"name": "records", "type": "long"}]])
def test_a_batch_of_another_shape_is_refused_at_once(fields: list[Any]) -> None:
    with pytest.raises(UsageError, match="another field than one array of Interaction"):
        Codec("Interaction", known=[{"type": "record", "name": "InteractionBatch", "fields": fields}])


def test_a_type_that_contains_itself_is_refused_at_once() -> None:
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    with pytest.raises(UsageError, match="Node, which contains itself"):
        Codec("Interaction", known=[with_fields(INTERACTION, chain=node)])


def test_a_field_that_no_reader_wants_must_be_right_all_the_same() -> None:
    """Else it would matter whether a value is read alone or among others."""
    writer = with_fields(INTERACTION, device="string")
    good = framed(writer, example(writer))
    value = good.replace(b"phone", b"ph\xffne")
    (bad,) = Codec("Interaction", known=[writer]).decode([good, value]).bad
    assert (bad.index, bad.detail) == (1, "Field device is not UTF-8.")


def test_named_types_may_come_twice() -> None:
    pair = {"type": "record", "name": "Pair", "fields": [{"name": "x", "type": "int"}]}
    writer = with_fields(INTERACTION, first=pair, second="headrace.Pair")
    row = example(with_fields(INTERACTION)) | {"first": {"x": 1}, "second": {"x": 2}}
    decoded = Codec("Interaction", known=[writer]).decode([framed(writer, row), framed(writer, row)[:-1]])
    assert decoded.rows.num_rows == 1
    assert [bad.index for bad in decoded.bad] == [1]


def test_an_unknown_writer_is_named_by_its_fingerprint() -> None:
    (bad,) = Codec("Post").decode([b"\xc3\x01abcdefgh\x00\x00"]).bad
    assert bad.detail == "No known schema has the fingerprint 6162636465666768."


def example(writer: AvroSchema) -> Row:
    row = interaction(device="phone")
    return {field["name"]: row[field["name"]] for field in writer["fields"]}
