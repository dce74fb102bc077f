"""One value at a time: what the fast path can't read or doesn't trust. Slow, and the last word."""

from io import BytesIO
from typing import Any, NamedTuple, cast

import fastavro

from schemas.codec_check import BadValueError, Faults, checker, read_count
from schemas.codec_header import Header
from schemas.records import AvroSchema, avro_schema

Row = dict[str, Any]


class Verdict(NamedTuple):
    """What came out of one value: rows, and for each bad record in it a sentence and its bytes."""

    rows: list[Row]
    bad: list[tuple[str, bytes]]


class Judge:
    """Reads values of one writer schema, behind `header`, into rows of a record's current schema, by fastavro.

    `item_header` is given for a writer of batches: the header with which one of their records stands alone.
    """

    def __init__(self, writer: AvroSchema, record: str, header: Header, item_header: Header | None) -> None:
        self._start = len(header)
        self._item_header = item_header
        item = writer if item_header is None else writer["fields"][0]["type"]["items"]
        self._check = checker(item)
        self._writer = fastavro.parse_schema(item)
        reader = avro_schema(record)
        self._reader = None if item == reader else fastavro.parse_schema(reader)

    def judge(self, value: bytes) -> Verdict:
        """The rows of `value`, whose header is known to be of this writer."""
        try:
            records = self._one(value) if self._item_header is None else self._many(value, self._item_header)
        except BadValueError as error:
            return Verdict([], [(str(error), value)])
        verdict = Verdict([], [])
        start = self._start if self._item_header is None else len(self._item_header)
        for framed, faults in records:
            try:
                row = self._read(framed[start:], faults)
            except BadValueError as error:
                verdict.bad.append((str(error), framed))
            else:
                verdict.rows.append(row)
        return verdict

    def _one(self, value: bytes) -> list[tuple[bytes, Faults]]:
        faults: Faults = []
        _refuse_rest(value, self._check(value, self._start, faults))
        return [(value, faults)]

    def _many(self, value: bytes, header: Header) -> list[tuple[bytes, Faults]]:
        """The records of a batch, each as if it stood alone; one of unknown end makes the whole batch bad."""
        records: list[tuple[bytes, Faults]] = []
        at = self._start
        while True:
            count, at = read_count(value, at, "the batch")
            if count is None:
                _refuse_rest(value, at)
                return records
            for _ in range(count):
                faults: Faults = []
                end = self._check(value, at, faults)
                records.append((header.bytes + value[at:end], faults))
                at = end

    def _read(self, body: bytes, faults: Faults) -> Row:
        if faults:
            raise BadValueError(faults[0])
        try:
            row = fastavro.schemaless_reader(BytesIO(body), self._writer, self._reader)
        except Exception as error:  # whatever fastavro makes of right bytes that don't fit this reader
            raise BadValueError(f"the current schema has no place for it: {error}") from error
        return cast(Row, row)


def _refuse_rest(value: bytes, end: int) -> None:
    if end != len(value):
        raise BadValueError(f"{len(value) - end} bytes are left over after the record")
