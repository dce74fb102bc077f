"""One value at a time: what the fast path can't read or doesn't trust. Slow, and the last word."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro

from schemas.codec_check import BadValueError, Faults, checker, read_count
from schemas.codec_wire import HEADER_BYTES
from schemas.records import AvroSchema, avro_schema

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out of one value: rows, and for each bad record in it a sentence and its bytes."""

    rows: list[Row]
    bad: list[tuple[str, bytes]]


class Judge:
    """Reads values of one writer schema into rows of a record's current schema, by fastavro.

    `item_header` is given for a writer of batches: the header with which one of their records stands alone.
    """

    def __init__(self, writer: AvroSchema, record: str, item_header: bytes | None) -> None:
        self._item_header = item_header
        item = writer if item_header is None else writer["fields"][0]["type"]["items"]
        self._check = checker(item)
        self._writer = fastavro.parse_schema(item)
        reader = avro_schema(record)
        self._reader = None if item == reader else fastavro.parse_schema(reader)

    def judge(self, value: bytes) -> Verdict:
        """The rows of `value`, whose header is known to be of this writer."""
        verdict = Verdict([], [])
        try:
            if self._item_header is None:
                end = self._one(value, HEADER_BYTES, value, verdict)
            else:
                end = self._many(value, verdict)
            if end != len(value):
                raise BadValueError(f"{len(value) - end} bytes are left over after the record")
        except BadValueError as error:
            return Verdict([], [(str(error), value)])
        return verdict

    def _many(self, value: bytes, verdict: Verdict) -> int:
        """A batch: one bad record in it is bad alone, unless its end can't be known."""
        header, at = self._item_header or b"", HEADER_BYTES
        while True:
            count, at = read_count(value, at, "the batch")
            if count is None:
                return at
            for _ in range(count):
                end = self._check(value, at, [])
                self._one(header + value[at:end], HEADER_BYTES, header + value[at:end], verdict)
                at = end

    def _one(self, data: bytes, at: int, framed: bytes, verdict: Verdict) -> int:
        faults: Faults = []
        end = self._check(data, at, faults)
        if faults:
            verdict.bad.append((faults[0], framed))
            return end
        try:
            row = fastavro.schemaless_reader(BytesIO(data[at:end]), self._writer, self._reader)
        except Exception as error:  # noqa: BLE001 - the writer's bytes are right, but not for this reader
            verdict.bad.append((f"the record can't be read into the current schema: {error}", framed))
            return end
        verdict.rows.append(row)  # type: ignore[arg-type]
        return end
