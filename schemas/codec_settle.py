"""Lenient columns to columns of their true types.

Lenient columns have enums and ints as longs, and strings of any bytes (see `codec_wire`). Settling narrows them, and
says which rows hold what the type doesn't allow: these must be dropped, and are judged one by one.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.records import AvroSchema, arrow_type

Rows = npt.NDArray[np.int64]
Settler = Callable[[pa.Array], tuple[pa.Array, Rows]]
"""From a lenient column to the settled one, and its wrong rows."""

INT_RANGE: Final = (-(2**31), 2**31 - 1)
_NO_ROWS: Final = np.empty(0, np.int64)


def settler(avro: Any) -> Settler:
    """What makes a column of the Arrow type of `avro` out of a lenient one."""
    match avro:
        case "int":
            return _narrower(*INT_RANGE, np.int32)
        case "string":
            return _texts
        case str():
            return lambda column: (column, _NO_ROWS)
        case ["null", inner]:
            return settler(inner)
        case {"type": "enum", "symbols": symbols}:
            return _words(symbols)
        case {"type": "array", "items": items}:
            return _lists(settler(items), arrow_type(avro))
        case {"type": "map", "values": values}:
            return _maps(settler(values), arrow_type(avro))
        case {"type": "record", "fields": fields}:
            return _structs(fields, list(arrow_type(avro)))
    raise ValueError(f"no column holds the Avro type {avro!r}")


def union(*rows: Rows) -> Rows:
    """The rows that are in any of these, in order."""
    some = [part for part in rows if len(part)]
    return np.unique(np.concatenate(some)) if some else _NO_ROWS


def _narrower(lowest: int, highest: int, dtype: type[np.int8] | type[np.int32]) -> Settler:
    kind = pa.from_numpy_dtype(dtype)

    def narrow(column: pa.Array) -> tuple[pa.Array, Rows]:
        rows, wrong = len(column), _NO_ROWS
        if not rows:
            return pa.array([], kind), wrong
        valid, data = column.buffers()
        values = np.frombuffer(data, np.int64, column.offset + rows)
        if values.min() < lowest or values.max() > highest:
            outside = (values < lowest) | (values > highest)
            wrong = np.flatnonzero(outside[column.offset :])
            values = np.where(outside, 0, values)  # so that every code of a word is one
        narrowed = pa.py_buffer(values.astype(dtype))
        return pa.Array.from_buffers(kind, rows, [valid, narrowed], -1, column.offset), wrong

    return narrow


def _words(symbols: Sequence[str]) -> Settler:
    narrow = _narrower(0, len(symbols) - 1, np.int8)
    words = pa.array(symbols, pa.string())

    def settle(column: pa.Array) -> tuple[pa.Array, Rows]:
        codes, wrong = narrow(column)
        return pa.DictionaryArray.from_arrays(codes, words, safe=False), wrong

    return settle


def _texts(column: pa.Array) -> tuple[pa.Array, Rows]:
    """Strings as they are; pyruhvro doesn't check that they are UTF-8."""
    _, edges, data = column.buffers()
    if data is None:
        return column, _NO_ROWS
    text = np.frombuffer(data, np.uint8)
    if text.max(initial=0) < 0x80 or _is_valid(column):
        return column, _NO_ROWS
    offsets = np.frombuffer(edges, np.int32, len(column) + 1, 4 * column.offset)
    beyond_ascii = np.unique(np.searchsorted(offsets, np.flatnonzero(text >= 0x80), side="right") - 1)
    inside = beyond_ascii[(beyond_ascii >= 0) & (beyond_ascii < len(column))].tolist()
    wrong = [row for row in inside if not _is_text(text[offsets[row] : offsets[row + 1]].tobytes())]
    return column, np.array(wrong, np.int64)


def _is_valid(column: pa.Array) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _lists(settle_items: Settler, kind: pa.DataType) -> Settler:
    def settle(column: pa.Array) -> tuple[pa.Array, Rows]:
        items, wrong = settle_items(column.flatten())
        return pa.ListArray.from_arrays(column.offsets, items, kind), _parents(column, wrong)

    return settle


def _maps(settle_values: Settler, kind: pa.DataType) -> Settler:
    def settle(column: pa.Array) -> tuple[pa.Array, Rows]:
        entries = column.offsets[-1].as_py()  # a slice still has the entries of all rows
        keys, wrong_keys = _texts(column.keys.slice(0, entries))
        values, wrong_values = settle_values(column.items.slice(0, entries))
        wrong = _parents(column, union(wrong_keys, wrong_values))
        settled = pa.MapArray.from_arrays(column.offsets, keys, values, kind)
        return settled, union(wrong, _with_repeated_keys(column.offsets, keys))

    return settle


def _structs(fields: Sequence[AvroSchema], kinds: Sequence[pa.Field]) -> Settler:
    settlers = [settler(field["type"]) for field in fields]

    def settle(column: pa.Array) -> tuple[pa.Array, Rows]:
        parts = [settle_part(part) for settle_part, part in zip(settlers, column.flatten(), strict=True)]
        struct = pa.StructArray.from_arrays([part for part, _ in parts], fields=kinds)
        return struct, union(*(wrong for _, wrong in parts))

    return settle


def _parents(column: pa.Array, wrong: Rows) -> Rows:
    """The rows of a list or map column that hold the entries `wrong`."""
    if not len(wrong):
        return wrong
    return np.unique(np.searchsorted(column.offsets.to_numpy(), wrong, side="right") - 1)


def _with_repeated_keys(offsets: pa.Array, keys: pa.Array) -> Rows:
    """The rows of a map column with a key that comes twice."""
    lengths = np.diff(offsets.to_numpy())
    if not len(lengths) or lengths.max() < 2:
        return _NO_ROWS
    words = keys.dictionary_encode()
    rows = np.repeat(np.arange(len(lengths)), lengths)
    pairs = np.sort(rows * len(words.dictionary) + words.indices.to_numpy())
    return np.unique(pairs[1:][pairs[1:] == pairs[:-1]] // len(words.dictionary))
