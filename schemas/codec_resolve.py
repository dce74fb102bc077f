"""Columns of an earlier or later writer as columns of the current schema (Avro's schema resolution, by column)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.codec_columns import Rows, settle
from schemas.records import AvroSchema, arrow_type

Column = Callable[[Sequence[pa.Array]], tuple[pa.Array, Rows]]
"""From the lenient columns of a writer to one settled column, and the rows that are wrong in it."""


class NotByColumnError(Exception):
    """Two schemas differ in a way that is resolved one by one."""


def resolution(writer: Sequence[AvroSchema], reader: Sequence[AvroSchema]) -> list[Column]:
    """How each reader field comes out of a writer's lenient columns; raises NotByColumnError.

    Fields that differ in their nested types are left to the one-by-one path.
    """
    places = {field["name"]: place for place, field in enumerate(writer)}
    columns: list[Column] = []
    for field in reader:
        if field["name"] not in places:
            columns.append(_default(field))
            continue
        place = places[field["name"]]
        columns.append(_written(place, writer[place]["type"], field["type"]))
    return columns


def _written(place: int, writer: Any, reader: Any) -> Column:
    match _plain(writer), _plain(reader):
        case same, as_read if same == as_read:
            return lambda columns: settle(columns[place], reader)
        case inner, ["null", nullable] if inner == nullable:
            return lambda columns: settle(columns[place], inner)
        case {"type": "enum", "symbols": written}, {"type": "enum", "symbols": symbols}:
            codes = np.array([symbols.index(word) if word in symbols else -1 for word in written])
            return lambda columns: _recoded(columns[place], codes, reader)
        case "int", "long":
            return lambda columns: _widened(columns[place])
    raise NotByColumnError


def _recoded(column: pa.Array, codes: Rows, reader: Any) -> tuple[pa.Array, Rows]:
    written = column.to_numpy()
    known = (written >= 0) & (written < len(codes))
    recoded = np.where(known, codes[np.where(known, written, 0)], -1)
    return settle(pa.array(recoded), reader)


def _widened(column: pa.Array) -> tuple[pa.Array, Rows]:
    narrow, wrong = settle(column, "int")
    return narrow.cast(pa.int64()), wrong


def _default(field: AvroSchema) -> Column:
    kind = arrow_type(field["type"])
    if "default" not in field or not isinstance(field["default"], str | int | float | bool | list | None):
        raise NotByColumnError
    if isinstance(field["type"], dict) and field["type"]["type"] != "array":
        raise NotByColumnError
    value = pa.scalar(field["default"], kind)
    return lambda columns: (pa.repeat(value, len(columns[0])), np.empty(0, np.int64))


def _plain(avro: Any) -> Any:
    """A type without what doesn't change its bytes or its meaning."""
    match avro:
        case dict():
            return {key: _plain(value) for key, value in avro.items() if key in _MEANING}
        case list():
            return [_plain(part) for part in avro]
    return avro


_MEANING = frozenset({"type", "name", "items", "values", "symbols", "fields"})
