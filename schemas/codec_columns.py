"""Lenient columns to the columns of a record, and back.

Lenient columns have enums and ints as longs (see `codec_wire`). Settling narrows them to their true types and says
which rows hold a number that the type doesn't allow; such rows get a zero instead and are judged one by one.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import AvroSchema, arrow_type

Rows = npt.NDArray[np.int64]

INT_RANGE: Final = (-(2**31), 2**31 - 1)
_NO_ROWS: Final = np.empty(0, np.int64)


def settle(column: pa.Array, avro: Any) -> tuple[pa.Array, Rows]:
    """`column` as the Arrow type of `avro`, and the rows whose number that type doesn't allow."""
    match avro:
        case "int":
            return _narrow(column, *INT_RANGE, pa.int32())
        case "string":
            return _texts(column)
        case str():
            return column, _NO_ROWS
        case ["null", inner]:
            return settle(column, inner)
        case {"type": "enum", "symbols": symbols}:
            codes, wrong = _narrow(column, 0, len(symbols) - 1, pa.int8())
            return pa.DictionaryArray.from_arrays(codes, pa.array(symbols, pa.string()), safe=False), wrong
        case {"type": "array", "items": items}:
            values, wrong = settle(column.flatten(), items)
            return pa.ListArray.from_arrays(column.offsets, values, arrow_type(avro)), _parents(column, wrong)
        case {"type": "map", "values": values_type}:
            entries = int(column.offsets[-1].as_py())  # a slice still has the entries of all rows
            keys, not_utf8 = _texts(column.keys.slice(0, entries))
            values, wrong = settle(column.items.slice(0, entries), values_type)
            wrong = _parents(column, np.union1d(wrong, not_utf8))
            settled = pa.MapArray.from_arrays(column.offsets, keys, values, arrow_type(avro))
            return settled, np.union1d(wrong, _repeated_keys(column.offsets, keys))
        case {"type": "record", "fields": fields}:
            inner_columns, wrong = settle_fields(column.flatten(), fields)
            return pa.StructArray.from_arrays(inner_columns, fields=list(arrow_type(avro))), wrong
    raise ValueError(f"no column holds the Avro type {avro!r}")


def settle_fields(columns: Sequence[pa.Array], fields: Sequence[AvroSchema]) -> tuple[list[pa.Array], Rows]:
    """Each column as the type of its field, and the rows that are wrong in any."""
    settled = [settle(column, field["type"]) for column, field in zip(columns, fields, strict=True)]
    wrong = [rows for _, rows in settled if len(rows)]
    return [column for column, _ in settled], np.unique(np.concatenate(wrong)) if wrong else _NO_ROWS


def loosen(column: pa.Array, avro: Any) -> pa.Array:
    """The lenient form of a settled column: what `settle` makes of the result is `column` again."""
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


def _narrow(column: pa.Array, lowest: int, highest: int, narrow: pa.DataType) -> tuple[pa.Array, Rows]:
    bounds = pc.min_max(column)
    least, most = bounds["min"].as_py(), bounds["max"].as_py()
    if least is None or (lowest <= least and most <= highest):
        return column.cast(narrow, safe=False), _NO_ROWS
    outside = pc.or_(pc.less(column, lowest), pc.greater(column, highest))
    wrong = np.flatnonzero(outside.fill_null(False).to_numpy(zero_copy_only=False))
    return pc.if_else(outside, pa.scalar(0, pa.int64()), column).cast(narrow), wrong


def _parents(column: pa.Array, wrong: Rows) -> Rows:
    """The rows of a list column that hold the items `wrong`."""
    if not len(wrong):
        return wrong
    return np.unique(np.searchsorted(column.offsets.to_numpy(), wrong, side="right") - 1)


def _texts(column: pa.Array) -> tuple[pa.Array, Rows]:
    """Strings as they are; those that are not UTF-8, which pyruhvro doesn't check, are made empty."""
    *_, data = column.buffers()
    if data is None or np.frombuffer(data, np.uint8).max(initial=0) < 0x80:
        return column, _NO_ROWS
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        raw = column.cast(pa.binary())
        wrong = np.array([row for row, value in enumerate(raw.to_pylist()) if not _is_text(value)])
        empty = np.zeros(len(column), np.bool_)
        empty[wrong] = True
        return pc.if_else(pa.array(empty), b"", raw).cast(pa.string()), wrong
    return column, _NO_ROWS


def _is_text(value: bytes | None) -> bool:
    try:
        return value is None or value.decode() is not None
    except UnicodeDecodeError:
        return False


def _repeated_keys(offsets: pa.Array, keys: pa.Array) -> Rows:
    """The rows of a map column with a key that comes twice."""
    lengths = np.diff(offsets.to_numpy())
    if not len(lengths) or lengths.max() < 2:
        return _NO_ROWS
    keys = keys.dictionary_encode()
    rows = np.repeat(np.arange(len(lengths)), lengths)
    pairs = np.sort(rows * len(keys.dictionary) + keys.indices.to_numpy())
    repeated = pairs[1:][pairs[1:] == pairs[:-1]]
    return np.unique(repeated // len(keys.dictionary))


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
