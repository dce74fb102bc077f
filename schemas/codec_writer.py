"""One writer schema that a codec knows: how its values are read, fast where that can be, else one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.codec_judge import Judge
from schemas.codec_resolve import NotByColumnError, Resolution
from schemas.codec_wire import MARKER, UnsupportedError, Wire
from schemas.errors import UsageError
from schemas.records import AvroSchema, arrow_schema, avro_schema, fingerprint

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one call of the fast path read: good rows, the message of each, and what is left to the judge.

    `source` is None if row i is message i. `doubtful` has, for each record left out, its message and its bytes.
    """

    rows: pa.RecordBatch
    source: Indices | None
    doubtful: list[tuple[int, bytes]]


class Writer:
    """Values of `writer`, read into the current schema of `record`; with `item`, a batch of that writer's records."""

    def __init__(self, writer: AvroSchema, record: str, item: "Writer | None" = None) -> None:
        schema = without_logical_types(writer)
        mark = fingerprint(schema)
        self.header = MARKER + mark
        self.item = item
        self.parsed = fastavro.parse_schema(schema)
        self.judge = Judge(schema, record, item.header if item else None)
        self._schema = arrow_schema(record)
        read_from = schema["fields"] if item is None else schema["fields"][0]["type"]["items"]["fields"]
        read_into = avro_schema(record)["fields"]
        _refuse_missing(record, read_from, read_into)
        try:
            self.wire: Wire | None = Wire(schema, mark)
            self._resolution = Resolution(read_from, read_into)
        except (UnsupportedError, NotByColumnError):
            self.wire = None

    def read(self, values: Sequence[bytes]) -> Reading | None:
        """All `values` at once; None if one of them is damaged, or of another writer in a way that shows late."""
        read = self.wire.read(values) if self.wire is not None else None
        if read is None:
            return None
        columns, ours = read
        return (
            self._single(values, columns, ours) if self.item is None else self._batched(values, columns, ours)
        )

    def _single(
        self, values: Sequence[bytes], columns: list[pa.Array], ours: npt.NDArray[np.bool_]
    ) -> Reading:
        resolved, wrong = self._resolution.resolve(columns)
        rows = pa.RecordBatch.from_arrays(resolved, schema=self._schema)
        if ours.all() and not len(wrong):
            return Reading(rows, None, [])
        good = ours.copy()
        good[wrong] = False
        source = np.flatnonzero(good).astype(np.int32)
        return Reading(
            rows.take(pa.array(source)), source, [(i, values[i]) for i in np.flatnonzero(~good).tolist()]
        )

    def _batched(
        self, values: Sequence[bytes], columns: list[pa.Array], ours: npt.NDArray[np.bool_]
    ) -> Reading:
        (batches,) = columns
        source = np.repeat(np.arange(len(values), dtype=np.int32), np.diff(batches.offsets.to_numpy()))
        items = batches.flatten().flatten()
        resolved, wrong = self._resolution.resolve(items)
        rows = pa.RecordBatch.from_arrays(resolved, schema=self._schema)
        if ours.all() and not len(wrong):
            return Reading(rows, source, [])
        good = ours[source]
        wrong = wrong[good[wrong]]
        good[wrong] = False
        doubtful = [(i, values[i]) for i in np.flatnonzero(~ours).tolist()]
        if len(wrong) and self.item is not None and self.item.wire is not None:
            framed = self.item.wire.write([column.take(pa.array(wrong)) for column in items])
            doubtful += zip(source[wrong].tolist(), framed, strict=True)
        kept = np.flatnonzero(good)
        return Reading(rows.take(pa.array(kept)), source[kept], doubtful)


def _refuse_missing(record: str, writer: Sequence[AvroSchema], reader: Sequence[AvroSchema]) -> None:
    written = {field["name"] for field in writer}
    for field in reader:
        if field["name"] not in written and "default" not in field:
            raise UsageError(
                f"a writer's schema of {record} lacks the field {field['name']}, which has no default; "
                "what it wrote can't be read"
            )


def without_logical_types(avro: Any) -> Any:
    """The schema as plain numbers and strings: a logical type changes neither bytes nor fingerprint."""
    match avro:
        case dict():
            return {key: without_logical_types(value) for key, value in avro.items() if key != "logicalType"}
        case list():
            return [without_logical_types(part) for part in avro]
    return avro
