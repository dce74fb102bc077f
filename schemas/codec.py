"""Avro values to Arrow rows and back: one codec for each record type, thousands of values a call.

Values are in Avro's single-object encoding: C3 01, the fingerprint of the writer's schema, the record. A batch is
read in one call of the fast path. Where that fails, the values are sorted by writer, the damaged ones are found all
at once, and only these are judged one by one.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import fastavro
import numpy as np
import pyarrow as pa

from schemas.codec_columns import loosen
from schemas.codec_harvest import BadRecord, Decoded, Harvest
from schemas.codec_judge import Row
from schemas.codec_sort import Sorter
from schemas.codec_wire import HEADER_BYTES, MOST_BYTES
from schemas.codec_writer import Writer
from schemas.errors import UsageError
from schemas.records import BATCHED, AvroSchema, arrow_schema, avro_schema, batch_schema, versions

__all__ = ["BadRecord", "Codec", "Decoded"]

MAX_RECORD_BYTES: Final = 1 << 20


class Codec:
    """Reads and writes values of one record type.

    Args:
        record: one of `schemas.records.RECORDS`; a batch record is read by the codec of what it carries.
        known: schemas of writers beyond the kept versions (see `schemas.records.load_extra`).
        max_record_bytes: a longer value is a bad record, and isn't looked into.

    Raises UsageError for an unknown record, a batch, or a writer whose schema can't be resolved into the current one.
    """

    def __init__(
        self, record: str, known: Sequence[AvroSchema] = (), max_record_bytes: int = MAX_RECORD_BYTES
    ) -> None:
        if record in BATCHED.values():
            raise UsageError(f"values of {record} are read by the codec of the record that it carries")
        self._record = record
        self._schema = arrow_schema(record)
        self._fields = avro_schema(record)["fields"]
        self._max_record_bytes = max_record_bytes
        self._current = Writer(avro_schema(record), record)
        self._batch: Writer | None = None
        self._writers = {self._current.header: self._current}
        batch = BATCHED.get(record, "")
        for schema in [*reversed(versions(record)), *known]:
            if schema["name"].rpartition(".")[2] == batch:
                self._add_batch(schema, Writer(_carried(schema), record))
                continue
            writer = Writer(schema, record)
            self._writers.setdefault(writer.header, writer)
            if batch:
                self._add_batch(batch_schema(batch, schema), writer)

    def _add_batch(self, schema: AvroSchema, item: Writer) -> None:
        writer = Writer(schema, self._record, item)
        self._writers.setdefault(writer.header, writer)
        self._batch = self._batch or writer

    def decode(self, values: Sequence[bytes]) -> Decoded:
        """The rows of `values`, in order, and what can't be used; bad data never raises."""
        harvest = Harvest(self._record)
        if not values:
            return Decoded(harvest.decoded().rows, None, [])
        sorter = Sorter(self._writers, self._max_record_bytes, harvest)
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        reading = None
        if sizes.max() <= self._max_record_bytes and sizes.sum() < MOST_BYTES:
            reading = self._writers.get(values[0][:HEADER_BYTES], self._current).read(values)
        if reading is None:
            sorter.sort(values, sizes)
        elif not reading.doubtful:
            return Decoded(reading.rows, reading.source, [])
        else:
            sorter.keep(reading, np.arange(len(values), dtype=np.int32))
        return harvest.decoded()

    def encode(self, rows: pa.RecordBatch) -> list[bytes]:
        """The value of each row, by the current schema; raises ValueError for other columns or missing values."""
        self._refuse_others(rows)
        wire = self._current.wire
        if wire is not None:
            return wire.write(self._loosened(rows))
        return [self._encoded(row) for row in rows.to_pylist(maps_as_pydicts="strict")]

    def encode_batches(self, rows: pa.RecordBatch, size: int) -> list[bytes]:
        """The same rows as messages of `size` records each; the last may have fewer."""
        self._refuse_others(rows)
        if self._batch is None or self._batch.wire is None:
            raise ValueError(f"{self._record} has no form with many records in a message")
        names = [field["name"] for field in self._fields]
        items = pa.StructArray.from_arrays(self._loosened(rows), names)
        edges = np.minimum(np.arange(0, len(rows) + size, size), len(rows)).astype(np.int32)
        return self._batch.wire.write([pa.ListArray.from_arrays(edges, items)])

    def _loosened(self, rows: pa.RecordBatch) -> list[pa.Array]:
        pairs = zip(rows.columns, self._fields, strict=True)
        return [loosen(column, field["type"]) for column, field in pairs]

    def _encoded(self, row: Row) -> bytes:
        buffer = BytesIO(self._current.header)
        buffer.seek(HEADER_BYTES)
        fastavro.schemaless_writer(buffer, self._current.parsed, row)
        return buffer.getvalue()

    def _refuse_others(self, rows: pa.RecordBatch) -> None:
        if rows.schema != self._schema:
            raise ValueError(f"these are not the columns of {self._record}: {rows.schema.names}")
        for field, column in zip(self._schema, rows.columns, strict=True):
            if column.null_count and not field.nullable:
                raise ValueError(f"{self._record}.{field.name} has {column.null_count} values missing")


def _carried(batch: AvroSchema) -> AvroSchema:
    match batch:
        case {"fields": [{"type": {"type": "array", "items": {"type": "record"}}}]}:
            item: AvroSchema = batch["fields"][0]["type"]["items"]
            return item
    raise UsageError(
        f"a schema of {batch['name']} has another field than one array of records; it can't be read"
    )
