"""Random records of any Avro schema, and what fastavro alone makes of bytes."""

import json
from functools import cache
from io import BytesIO
from typing import Any

import fastavro
import pyarrow as pa
from hypothesis import strategies as st

from schemas.records import AvroSchema, arrow_schema, fingerprint

Row = dict[str, Any]

_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=70),
    "bytes": st.binary(max_size=70),
}


def values_of(avro: Any) -> st.SearchStrategy[Any]:
    """Any value of an Avro type, as fastavro takes it."""
    match avro:
        case str():
            return _PRIMITIVES[avro]
        case list():
            return st.one_of([values_of(branch) for branch in avro])
        case {"type": str(noted)} if noted in _PRIMITIVES:
            return values_of(noted)
        case {"type": "enum", "symbols": symbols}:
            return st.sampled_from(symbols)
        case {"type": "array", "items": items}:
            return st.lists(values_of(items), max_size=4)
        case {"type": "map", "values": values}:
            return st.dictionaries(st.text(max_size=5), values_of(values), max_size=4)
        case {"type": "record", "fields": fields}:
            return st.fixed_dictionaries({field["name"]: values_of(field["type"]) for field in fields})
    raise AssertionError(avro)


@cache
def _parsed(schema: str) -> Any:
    return fastavro.parse_schema(json.loads(schema))


@cache
def _header(schema: str) -> bytes:
    return b"\xc3\x01" + fingerprint(json.loads(schema))


def parsed(schema: AvroSchema) -> Any:
    """The schema as fastavro wants it, made once."""
    return _parsed(json.dumps(schema))


def framed(schema: AvroSchema, row: Row) -> bytes:
    """The single-object value of `row`, written by fastavro."""
    buffer = BytesIO()
    buffer.write(_header(json.dumps(schema)))
    fastavro.schemaless_writer(buffer, parsed(schema), row)
    return buffer.getvalue()


def unframed(value: bytes, writer: AvroSchema, reader: AvroSchema) -> Row:
    """The row in a value, resolved by fastavro."""
    row = fastavro.schemaless_reader(BytesIO(value[10:]), parsed(writer), parsed(reader))
    assert isinstance(row, dict)
    return row


def rows_of(batch: pa.RecordBatch) -> list[Row]:
    """A batch as fastavro would have read it."""
    rows: list[Row] = batch.to_pylist(maps_as_pydicts="strict")
    return rows


def batch_of(record: str, rows: list[Row]) -> pa.RecordBatch:
    """Rows as the columns of `record`, the plain way: by what pyarrow itself does with Python values."""
    columns = []
    for field in arrow_schema(record):
        values = [row[field.name] for row in rows]
        if pa.types.is_map(field.type):
            values = [list(entries.items()) for entries in values]
        columns.append(pa.array(values, pa.string() if pa.types.is_dictionary(field.type) else field.type))
    return pa.RecordBatch.from_arrays(columns, arrow_schema(record).names)


def interaction(**fields: Any) -> Row:
    """An interaction with these fields, and unremarkable others."""
    row: Row = {
        "event_id": 1,
        "type": "click",
        "user_id": 2,
        "post_id": 3,
        "author_id": 4,
        "content_type": "video",
        "region": "de",
        "request_id": None,
        "position": 1,
        "dwell_ms": None,
        "surface": "home",
        "at_ms": 1_700_000_000_000,
    }
    return row | fields
