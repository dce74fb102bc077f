"""Frames of interactions made from lists of dicts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base import Logic
from schemas.frame import Frame
from schemas.records import arrow_schema

DEFAULTS = {
    "event_id": 0,
    "type": "impression",
    "user_id": 1,
    "post_id": 1,
    "author_id": 1,
    "content_type": None,
    "region": None,
    "request_id": None,
    "position": None,
    "dwell_ms": None,
    "surface": "home",
    "at_ms": 0,
}


def event(**fields: Any) -> dict[str, Any]:
    """An interaction with defaults for what is not given."""
    return {**DEFAULTS, **fields}


def frame(
    events: Sequence[dict[str, Any]],
    partition: int = 0,
    watermark: int | None = None,
    append_ms: Sequence[int] = (),
) -> Frame:
    """A frame of interactions; the watermark is the largest event time unless given."""
    schema = arrow_schema("Interaction")
    columns = [
        pa.array(
            [row[field.name] for row in events],
            pa.string() if pa.types.is_dictionary(field.type) else field.type,
        )
        for field in schema
    ]
    rows = pa.RecordBatch.from_arrays(
        [_typed(column, field) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
    times = np.array([row["at_ms"] for row in events], np.int64)
    if watermark is None:
        watermark = int(times.max(initial=-(1 << 61)))
    appended = np.array(append_ms, np.int64) if len(append_ms) else times
    return Frame("interactions", partition, rows, np.arange(len(events)), appended, watermark)


def _typed(column: pa.Array, field: pa.Field) -> pa.Array:
    if not pa.types.is_dictionary(field.type):
        return column
    symbols = pa.array(symbols_of("Interaction", field.name))
    codes = pa.array([symbols.to_pylist().index(word) for word in column.to_pylist()], pa.int8())
    return pa.DictionaryArray.from_arrays(codes, symbols)


def symbols_of(record: str, field: str) -> list[str]:
    """The words of an enum."""
    from schemas.records import avro_schema

    found: list[str] = next(
        one["type"]["symbols"] for one in avro_schema(record)["fields"] if one["name"] == field
    )
    return found


def feed(logic: Logic, rows: Frame, lateness: int = 3_600_000) -> list[Any]:
    """Give a logic the one frame that there is, and the time that it brings; returns effects."""
    return logic.on_rows(rows) + logic.on_time(rows.watermark, rows.watermark - lateness)
