"""Columns of an earlier or later writer as columns of the current schema (Avro's schema resolution, by column)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from schemas.codec_settle import Rows, settler, union
from schemas.records import AvroSchema, arrow_type

Column = Callable[[Sequence[pa.Array]], tuple[pa.Array, Rows]]
"""From the settled columns of a writer to one of the reader, and the rows that have no place in it."""

_MEANING: Final = frozenset({"type", "name", "items", "values", "symbols", "fields"})
_NO_ROWS: Final = np.empty(0, np.int64)


class NotByColumnError(Exception):
    """Two schemas differ in a way that is resolved one by one."""


class Resolution:
    """From lenient columns of a writer to the columns of a reader; raises NotByColumnError.

    Fields that differ in their nested types are left to the one-by-one path.
    """

    def __init__(self, writer: Sequence[AvroSchema], reader: Sequence[AvroSchema]) -> None:
        self._settlers = [settler(field["type"]) for field in writer]
        places = {field["name"]: place for place, field in enumerate(writer)}
        self._columns = [
            _written(places[field["name"]], writer[places[field["name"]]]["type"], field["type"])
            if field["name"] in places
            else _default(field)
            for field in reader
        ]

    def resolve(self, lenient: Sequence[pa.Array]) -> tuple[list[pa.Array], Rows]:
        """The columns of the reader, and the rows that hold what writer or reader don't allow."""
        settled = [settle(column) for settle, column in zip(self._settlers, lenient, strict=True)]
        written = [column for column, _ in settled]
        read = [column(written) for column in self._columns]
        return [column for column, _ in read], union(
            *(rows for _, rows in settled), *(rows for _, rows in read)
        )


def _written(place: int, writer: Any, reader: Any) -> Column:
    match _plain(writer), _plain(reader):
        case same, read if read in (same, ["null", same]):
            return lambda columns: (columns[place], _NO_ROWS)
        case {"type": "enum", "symbols": written}, {"type": "enum", "symbols": symbols}:
            codes = pa.array([symbols.index(word) if word in symbols else -1 for word in written])
            settle = settler(reader)
            return lambda columns: settle(codes.take(columns[place].indices))
        case "int", "long":
            return lambda columns: (columns[place].cast(pa.int64()), _NO_ROWS)
    raise NotByColumnError


def _default(field: AvroSchema) -> Column:
    kind = arrow_type(field["type"])
    if not isinstance(field["default"], str | int | float | bool | list | None) or pa.types.is_dictionary(
        kind
    ):
        raise NotByColumnError
    value = pa.scalar(field["default"], kind)
    return lambda columns: (pa.repeat(value, len(columns[0])), _NO_ROWS)


def _plain(avro: Any) -> Any:
    """A type without what doesn't change its bytes or its meaning."""
    match avro:
        case dict():
            return {key: _plain(value) for key, value in avro.items() if key in _MEANING}
        case list():
            return [_plain(part) for part in avro]
    return avro
