"""The codec on good values: the same rows as fastavro, the same bytes as fastavro."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Codec, Decoded
from schemas.errors import UsageError
from schemas.records import BATCHED, RECORDS, arrow_schema, avro_schema, enum_symbols, versions
from tests.schemas.avro_values import Row, batch_of, framed, interaction, rows_of, unframed, values_of

SINGLE = [record for record in RECORDS if record not in BATCHED.values()]
CODECS = {record: Codec(record) for record in SINGLE}


def sources(decoded: Decoded) -> list[int]:
    return list(range(decoded.rows.num_rows)) if decoded.source is None else decoded.source.tolist()


@pytest.mark.parametrize("record", SINGLE)
@settings(max_examples=60)
@given(data=st.data())
def test_a_batch_is_read_as_fastavro_reads_each_value(record: str, data: st.DataObject) -> None:
    schema = avro_schema(record)
    rows = data.draw(st.lists(values_of(schema), max_size=6))
    values = [framed(schema, row) for row in rows]
    decoded = CODECS[record].decode(values)
    decoded.rows.validate(full=True)
    assert decoded.rows.schema == arrow_schema(record)
    assert rows_of(decoded.rows) == [unframed(value, schema, schema) for value in values]
    assert (sources(decoded), decoded.bad) == (list(range(len(values))), [])


@pytest.mark.parametrize("record", SINGLE)
@settings(max_examples=60)
@given(data=st.data())
def test_each_value_alone_is_judged_as_it_is_read_in_a_batch(record: str, data: st.DataObject) -> None:
    """The one-by-one path, which reads what the fast path can't, gives equal columns."""
    schema = data.draw(st.sampled_from(versions(record)))
    values = [framed(schema, row) for row in data.draw(st.lists(values_of(schema), min_size=1, max_size=6))]
    codec = CODECS[record]
    one_by_one = Codec(record)
    for writer in one_by_one._writers:
        writer.wire = None
    assert one_by_one.decode(values).rows == codec.decode(values).rows


@pytest.mark.parametrize("record", SINGLE)
@settings(max_examples=60)
@given(data=st.data())
def test_rows_are_written_as_fastavro_writes_each(record: str, data: st.DataObject) -> None:
    schema = avro_schema(record)
    rows = data.draw(st.lists(values_of(schema), max_size=6))
    encoded = CODECS[record].encode(columns_of(record, rows))
    assert encoded == [framed(schema, row) for row in rows]


@pytest.mark.parametrize("record", SINGLE)
@settings(max_examples=30)
@given(data=st.data())
def test_a_slice_of_rows_is_written_as_those_rows(record: str, data: st.DataObject) -> None:
    rows = data.draw(st.lists(values_of(avro_schema(record)), min_size=2, max_size=6))
    first = data.draw(st.integers(0, len(rows)))
    length = data.draw(st.integers(0, len(rows) - first))
    codec, batch = CODECS[record], columns_of(record, rows)
    assert codec.encode(batch.slice(first, length)) == codec.encode(batch)[first : first + length]


def columns_of(record: str, rows: list[Row]) -> pa.RecordBatch:
    """Rows as columns, made by the plain way and cast to the columns of the record."""
    plain = batch_of(record, rows)
    columns = []
    for field, column in zip(arrow_schema(record), plain.columns, strict=True):
        if pa.types.is_dictionary(field.type):
            symbols = enum_symbols(record, field.name)
            codes = pa.array([symbols.index(word) for word in column.to_pylist()], pa.int8())
            column = pa.DictionaryArray.from_arrays(codes, list(symbols))
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=arrow_schema(record))


@settings(max_examples=60)
@given(st.lists(st.lists(values_of(avro_schema("Interaction")), max_size=4), max_size=4))
def test_batches_are_read_as_their_records(batches: list[list[Row]]) -> None:
    schema = avro_schema("InteractionBatch")
    decoded = CODECS["Interaction"].decode([framed(schema, {"records": records}) for records in batches])
    assert rows_of(decoded.rows) == [row for records in batches for row in records]
    assert sources(decoded) == [i for i, records in enumerate(batches) for _ in records]
    assert decoded.bad == []


@settings(max_examples=60)
@given(st.lists(values_of(avro_schema("Interaction")), max_size=7), st.integers(1, 9))
def test_batches_are_written_as_fastavro_writes_them(rows: list[Row], size: int) -> None:
    schema = avro_schema("InteractionBatch")
    encoded = CODECS["Interaction"].encode_batches(columns_of("Interaction", rows), size)
    cut = [rows[start : start + size] for start in range(0, len(rows), size)]
    assert encoded == [framed(schema, {"records": records}) for records in cut]


def test_single_records_and_batches_mix_in_their_order() -> None:
    codec = CODECS["Interaction"]
    rows = codec.decode([framed(avro_schema("Interaction"), interaction(event_id=i)) for i in range(10)]).rows
    values = [
        *codec.encode(rows.slice(0, 2)),
        *codec.encode_batches(rows.slice(2, 5), 3),
        *codec.encode(rows.slice(7, 1)),
        *codec.encode_batches(rows.slice(0, 0), 3),
        *codec.encode_batches(rows.slice(8, 2), 3),
    ]
    decoded = codec.decode(values)
    assert decoded.rows == rows
    assert sources(decoded) == [0, 1, 2, 2, 2, 3, 3, 4, 5, 5]


def test_nothing_is_nothing() -> None:
    decoded = CODECS["Post"].decode([])
    assert (decoded.rows.num_rows, decoded.rows.schema) == (0, arrow_schema("Post"))
    assert (decoded.source, decoded.bad) == (None, [])
    assert decoded.rows.column("op").dictionary.to_pylist() == ["create", "delete"]
    assert CODECS["Post"].encode(decoded.rows) == []


def test_a_large_batch_keeps_its_order() -> None:
    rows = [interaction(event_id=i, at_ms=2**40 + i) for i in range(40_000)]
    values = CODECS["Interaction"].encode(columns_of("Interaction", rows))
    decoded = CODECS["Interaction"].decode(values)
    assert decoded.source is None
    assert decoded.rows.column("event_id").to_numpy().tolist() == list(range(40_000))


def test_a_missing_feature_is_nan_and_stays_so() -> None:
    row: Row = {
        "request_id": 1,
        "user_id": 2,
        "served_at_ms": 3,
        "scored_at_ms": 3,
        "model_version": "m",
        "feature_set": "f-1",
        "surface": "home",
        "arms": {},
        "context": {"region": "de", "language": "de", "device": "web"},
        "items": [],
        "user_features": [float("nan"), 1.5, float("-inf")],
    }
    rows = CODECS["Served"].decode([framed(avro_schema("Served"), row)]).rows
    assert np.array_equal(
        rows.column("user_features")[0].values.to_numpy(), [np.nan, 1.5, -np.inf], equal_nan=True
    )
    assert CODECS["Served"].encode(rows) == [framed(avro_schema("Served"), row)]


def test_only_the_columns_of_the_record_are_written() -> None:
    codec = CODECS["Activity"]
    rows = pa.RecordBatch.from_pydict(
        {"user_id": [1], "at_ms": [None], "tick_ms": [3]}, arrow_schema("Activity")
    )
    with pytest.raises(ValueError, match=r"Activity\.at_ms has 1 values missing"):
        codec.encode(rows)
    with pytest.raises(ValueError, match="not the columns of Activity"):
        codec.encode(rows.select(["user_id", "at_ms"]))
    with pytest.raises(ValueError, match="no form with many records"):
        codec.encode_batches(rows.slice(0, 0), 2)


def test_a_batch_record_has_no_codec_of_its_own() -> None:
    with pytest.raises(UsageError, match="by the codec of the record that it carries"):
        Codec("InteractionBatch")
