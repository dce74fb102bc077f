"""One writer schema that a codec knows: how its values are read, fast where that can be, else one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.codec_header import Header, single_object
from schemas.codec_judge import Judge
from schemas.codec_resolve import NotByColumnError, Resolution
from schemas.codec_wire import UnsupportedError, Wire
from schemas.errors import UsageError
from schemas.records import PRIMITIVES, AvroSchema, arrow_schema, avro_schema, fingerprint

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one call of the fast path read: good rows, the message of each, and what is left to the judge.

    `source` is None if row i is message i. `doubtful` has each message left out, by its index; `wrong` the same for
    records of a batch, each standing alone.
    """

    rows: pa.RecordBatch
    source: Indices | None
    doubtful: list[int]
    wrong: list[tuple[int, bytes]]


class Writer:
    """Values of `writer`, read into the current schema of `record`; with `item`, a batch of that writer's records.

    Without a `header`, that of single-object encoding.
    """

    def __init__(
        self, writer: AvroSchema, record: str, item: "Writer | None" = None, header: Header | None = None
    ) -> None:
        schema = plain_types(writer)
        self.header = header or single_object(fingerprint(schema))
        self.item = item
        self.parsed = fastavro.parse_schema(schema)
        self.judge = Judge(schema, record, self.header, item.header if item else None)
        self._schema = arrow_schema(record)
        read_from = schema["fields"] if item is None else schema["fields"][0]["type"]["items"]["fields"]
        read_into = avro_schema(record)["fields"]
        _refuse_missing(record, read_from, read_into)
        try:
            self.wire: Wire | None = Wire(schema, self.header)
            self._resolution = Resolution(read_from, read_into)
        except (UnsupportedError, NotByColumnError):
            self.wire = None

    def read(self, values: Sequence[bytes]) -> Reading | None:
        """All `values` at once; None if one of them is damaged, or of another writer in a way that shows late."""
        read = self.wire.read(values) if self.wire is not None else None
        if read is None:
            return None
        columns, ours = read
        return self._single(columns, ours) if self.item is None else self._batched(columns, ours)

    def _single(self, columns: list[pa.Array], ours: npt.NDArray[np.bool_]) -> Reading:
        resolved, wrong = self._resolution.resolve(columns)
        rows = pa.RecordBatch.from_arrays(resolved, schema=self._schema)
        if ours.all() and not len(wrong):
            return Reading(rows, None, [], [])
        good = ours.copy()
        good[wrong] = False
        source = np.flatnonzero(good).astype(np.int32)
        return Reading(rows.take(pa.array(source)), source, np.flatnonzero(~good).tolist(), [])

    def _batched(self, columns: list[pa.Array], ours: npt.NDArray[np.bool_]) -> Reading:
        (batches,) = columns
        source = np.repeat(np.arange(len(batches), dtype=np.int32), np.diff(batches.offsets.to_numpy()))
        items = batches.flatten().flatten()
        resolved, wrong = self._resolution.resolve(items)
        rows = pa.RecordBatch.from_arrays(resolved, schema=self._schema)
        if ours.all() and not len(wrong):
            return Reading(rows, source, [], [])
        good = ours[source]
        wrong = wrong[good[wrong]]
        good[wrong] = False
        alone: list[bytes] = []
        if len(wrong) and self.item is not None and self.item.wire is not None:
            alone = self.item.wire.write([column.take(pa.array(wrong)) for column in items])
        kept = np.flatnonzero(good)
        return Reading(
            rows.take(pa.array(kept)),
            source[kept],
            np.flatnonzero(~ours).tolist(),
            list(zip(source[wrong].tolist(), alone, strict=True)),
        )


def _refuse_missing(record: str, writer: Sequence[AvroSchema], reader: Sequence[AvroSchema]) -> None:
    written = {field["name"] for field in writer}
    for field in reader:
        if field["name"] not in written and "default" not in field:
            raise UsageError(
                f"a writer's schema of {record} lacks the field {field['name']}, which has no default; "
                "what it wrote can't be read"
            )


def plain_types(avro: Any) -> Any:
    """The schema with numbers and strings by their names alone: notes on them change neither bytes nor fingerprint.

    Java's generated classes note their own class at each string, others a logical type at each time.

    >>> plain_types({"type": "long", "logicalType": "timestamp-millis"})
    'long'
    """
    match avro:
        case {"type": str(name)} if name in PRIMITIVES:
            return name
        case {"fields": list(fields)}:
            plain = [{**field, "type": plain_types(field["type"])} for field in fields]
            return _unnoted({**avro, "fields": plain})
        case dict():
            parts = {key: plain_types(avro[key]) for key in ("items", "values") if key in avro}
            return _unnoted({**avro, **parts})
        case list():
            return [plain_types(part) for part in avro]
    return avro


def _unnoted(avro: AvroSchema) -> AvroSchema:
    return {key: value for key, value in avro.items() if key != "logicalType"}
