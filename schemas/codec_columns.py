"""Columns from Python values, and columns loosened to be written."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from schemas.records import AvroSchema, arrow_type


def loosen(column: pa.Array, avro: Any) -> pa.Array:
    """The lenient form of a settled column (see `codec_settle`): enums and ints as longs."""
    match avro:
        case "int":
            return column.cast(pa.int64())
        case {"type": "enum"}:
            return column.indices.cast(pa.int64())
        case ["null", inner]:
            return loosen(column, inner)
        case {"type": "array", "items": items}:
            return pa.ListArray.from_arrays(column.offsets, loosen(column.values, items))
        case {"type": "map", "values": values}:
            return pa.MapArray.from_arrays(column.offsets, column.keys, loosen(column.items, values))
        case {"type": "record", "fields": fields}:
            loose = [
                loosen(inner, field["type"]) for inner, field in zip(column.flatten(), fields, strict=True)
            ]
            return pa.StructArray.from_arrays(loose, [field["name"] for field in fields])
    return column


def from_rows(rows: Sequence[dict[str, Any]], fields: Sequence[AvroSchema]) -> list[pa.Array]:
    """Columns of records as Python values, with enums as their words."""
    return [_from_values([row[field["name"]] for row in rows], field["type"]) for field in fields]


def _from_values(values: list[Any], avro: Any) -> pa.Array:
    match avro:
        case {"type": "enum", "symbols": symbols}:
            codes = pa.array([symbols.index(word) for word in values], pa.int8())
            return pa.DictionaryArray.from_arrays(codes, pa.array(symbols, pa.string()))
        case {"type": "map"}:
            return pa.array([list(entries.items()) for entries in values], arrow_type(avro))
    return pa.array(values, arrow_type(avro))
