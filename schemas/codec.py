"""Avro values to Arrow rows and back: one codec for each record type, thousands of values a call.

Values are in Avro's single-object encoding or in Confluent's wire format (see `schemas.codec_header`), mixed at will.
A batch is read in one call of the fast path. Where that fails, the values are sorted by writer, the damaged ones are
found all at once, and only these are judged one by one.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final

import fastavro
import numpy as np
import pyarrow as pa

from schemas.codec_columns import loosen
from schemas.codec_harvest import BadRecord, Decoded, Harvest
from schemas.codec_judge import Row
from schemas.codec_known import KnownWriters, SchemaSource
from schemas.codec_sort import Sorter
from schemas.codec_wire import MOST_BYTES
from schemas.errors import UsageError
from schemas.records import BATCHED, AvroSchema, arrow_schema, avro_schema

__all__ = ["BadRecord", "Codec", "Decoded"]

MAX_RECORD_BYTES: Final = 1 << 20
_NO_IDS: Final[Mapping[str, int]] = {}


class Codec:
    """Reads and writes values of one record type.

    Args:
        record: one of `schemas.records.RECORDS`; a batch record is read by the codec of what it carries.
        known: schemas of writers beyond the kept versions (see `schemas.records.load_extra`).
        max_record_bytes: a longer value is a bad record, and isn't looked into.
        source: who knows the schemas of values in Confluent's wire format; without it they are bad records.
        ids: ids of the current schemas in a registry, by record. A record, or a batch, with an id here is written in
            Confluent's wire format.

    Raises UsageError for an unknown record, a batch, or a writer whose schema can't be resolved into the current one.
    """

    def __init__(
        self,
        record: str,
        known: Sequence[AvroSchema] = (),
        max_record_bytes: int = MAX_RECORD_BYTES,
        source: SchemaSource | None = None,
        ids: Mapping[str, int] = _NO_IDS,
    ) -> None:
        if record in BATCHED.values():
            raise UsageError(f"values of {record} are read by the codec of the record that it carries")
        self._record = record
        self._schema = arrow_schema(record)
        self._fields = avro_schema(record)["fields"]
        self._max_record_bytes = max_record_bytes
        self._writers = KnownWriters(record, known, source, ids)

    def decode(self, values: Sequence[bytes]) -> Decoded:
        """The rows of `values`, in order, and what can't be used; bad data never raises.

        Raises HeadraceError when a schema registry has to be asked and can't be: nothing is decided then.
        """
        harvest = Harvest(self._record)
        if not values:
            return Decoded(harvest.decoded().rows, None, [])
        sorter = Sorter(self._writers, self._max_record_bytes, harvest)
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        reading, writer = None, self._writers.first_of(values[0])
        if sizes.max() <= self._max_record_bytes and sizes.sum() < MOST_BYTES:
            reading = writer.read(values)
        if reading is None:
            sorter.sort(values, sizes)
        elif not reading.doubtful and not reading.wrong:
            return Decoded(reading.rows, reading.source, [])
        else:
            sorter.keep(writer, reading, values, np.arange(len(values), dtype=np.int32))
        return harvest.decoded()

    def encode(self, rows: pa.RecordBatch) -> list[bytes]:
        """The value of each row, by the current schema; raises ValueError for other columns or missing values."""
        self._refuse_others(rows)
        wire = self._writers.current.wire
        if wire is not None:
            return wire.write(self._loosened(rows))
        return [self._encoded(row) for row in rows.to_pylist(maps_as_pydicts="strict")]

    def encode_batches(self, rows: pa.RecordBatch, size: int) -> list[bytes]:
        """The same rows as messages of `size` records each; the last may have fewer."""
        self._refuse_others(rows)
        batch = self._writers.batch
        if batch is None or batch.wire is None:
            raise ValueError(f"{self._record} has no form with many records in a message")
        names = [field["name"] for field in self._fields]
        items = pa.StructArray.from_arrays(self._loosened(rows), names)
        edges = np.minimum(np.arange(0, len(rows) + size, size), len(rows)).astype(np.int32)
        return batch.wire.write([pa.ListArray.from_arrays(edges, items)])

    def _loosened(self, rows: pa.RecordBatch) -> list[pa.Array]:
        pairs = zip(rows.columns, self._fields, strict=True)
        return [loosen(column, field["type"]) for column, field in pairs]

    def _encoded(self, row: Row) -> bytes:
        current = self._writers.current
        buffer = BytesIO()
        buffer.write(current.header.bytes)
        fastavro.schemaless_writer(buffer, current.parsed, row)
        return buffer.getvalue()

    def _refuse_others(self, rows: pa.RecordBatch) -> None:
        if rows.schema != self._schema:
            raise ValueError(f"these are not the columns of {self._record}: {rows.schema.names}")
        for field, column in zip(self._schema, rows.columns, strict=True):
            if column.null_count and not field.nullable:
                raise ValueError(f"{self._record}.{field.name} has {column.null_count} values missing")
