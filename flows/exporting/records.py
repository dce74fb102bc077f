"""Messages of a topic as rows: partition, offset and append time, then the fields of the record."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flows.codecs import reading_one
from schemas.codec import BadRecord
from schemas.frame import RawBatch
from schemas.records import arrow_schema
from schemas.settings import Settings
from schemas.topics import TOPICS

PLACE: Final = {"partition": pa.int32(), "offset": pa.int64(), "append_ms": pa.int64()}
OURS: Final = "log_"
"""Before the name of a place where the record has a field of that name."""

ERASE: Final = pa.field("_delete", pa.bool_(), nullable=False)
ID_BYTES: Final = 8


class Records:
    """Decodes the messages of a topic, also those of writers that `schema_path` or a schema registry knows.

    A null value of a compacted topic is a row with `_delete` true and the fields of its key; `import` understands it.
    `partition`, `offset` and `append_ms` are the names of the columns that say where a row was.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        place = TOPICS[topic]
        self._codec = reading_one(settings, topic)
        self._key = place.key
        self._erasable = place.cleanup == "compact"
        record = arrow_schema(place.record)
        fields = [field.with_nullable(True) for field in record] if self._erasable else list(record)
        names = [f"{OURS}{name}" if name in record.names else name for name in PLACE]
        self.partition, self.offset, self.append_ms = names
        place_fields = [
            pa.field(name, kind, nullable=False) for name, kind in zip(names, PLACE.values(), strict=True)
        ]
        self.schema = pa.schema([*place_fields, *([ERASE] if self._erasable else []), *fields])

    def rows(self, batch: RawBatch) -> tuple[pa.RecordBatch, list[BadRecord]]:
        """The records of a batch in its order, and those that can't be decoded (`index` in the batch)."""
        held = [index for index, value in enumerate(batch.values) if value is not None]
        decoded = self._codec.decode([value for value in batch.values if value is not None])
        source = np.arange(len(held)) if decoded.source is None else decoded.source
        messages = np.array(held, dtype=np.int64)[source]
        bad = [BadRecord(held[one.index], one.detail, one.value, one.reason) for one in decoded.bad]
        if not self._erasable:
            return self._placed(batch, messages, decoded.rows.columns), bad
        erased = np.array(
            [index for index, value in enumerate(batch.values) if value is None], dtype=np.int64
        )
        columns = [
            pa.concat_arrays([column, self._erased(batch, erased, field)])
            for column, field in zip(decoded.rows.columns, decoded.rows.schema, strict=True)
        ]
        flags = pa.array(np.arange(len(messages) + len(erased)) >= len(messages))
        both = np.concatenate([messages, erased])
        rows = self._placed(batch, both, [flags, *columns])
        return rows.take(pa.array(np.argsort(both, kind="stable"))), bad

    def _placed(
        self, batch: RawBatch, messages: npt.NDArray[np.int64], columns: list[pa.Array]
    ) -> pa.RecordBatch:
        place = [
            pa.array(np.full(len(messages), batch.partition, dtype=np.int32)),
            pa.array(batch.offsets[messages]),
            pa.array(batch.append_ms[messages]),
        ]
        return pa.RecordBatch.from_arrays([*place, *columns], schema=self.schema)

    def _erased(self, batch: RawBatch, erased: npt.NDArray[np.int64], field: pa.Field) -> pa.Array:
        """A field of null values: what their keys say of it, else null."""
        if field.name not in self._key or field.type != pa.int64():
            return pa.nulls(len(erased), field.type)
        start = ID_BYTES * self._key.index(field.name)
        keys = [batch.key(index) or b"" for index in erased.tolist()]
        ids = [key[start : start + ID_BYTES] for key in keys]
        return pa.array(
            [int.from_bytes(id, "big", signed=True) if len(id) == ID_BYTES else None for id in ids],
            field.type,
        )
