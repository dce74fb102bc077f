"""What decoding brings in, piece by piece and in any order, put back into the order of the messages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from schemas.codec_columns import from_rows
from schemas.codec_judge import Row, Verdict
from schemas.codec_writer import Indices, Reading
from schemas.reasons import UNDECODABLE
from schemas.records import arrow_schema, avro_schema


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that can't be used: the message it was in, why, and the bytes that a dead letter should keep.

    `value` is None for a message that is too large to be kept; `reason` is one of `schemas.reasons`.
    """

    index: int
    detail: str
    value: bytes | None
    reason: str = UNDECODABLE


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows in the order of their messages, the message of each row (None: row i is message i), and the bad ones."""

    rows: pa.RecordBatch
    source: Indices | None
    bad: list[BadRecord]


class Harvest:
    """Collects rows of one record type."""

    def __init__(self, record: str) -> None:
        self._record = record
        self._pieces: list[tuple[pa.RecordBatch, Indices]] = []
        self._rows: list[Row] = []
        self._row_source: list[int] = []
        self._bad: list[BadRecord] = []

    def keep(self, reading: Reading, messages: Indices) -> None:
        """Rows that were read, where message i of the reading is message `messages[i]`."""
        source = messages if reading.source is None else messages[reading.source]
        self._pieces.append((reading.rows, source))

    def keep_verdict(self, verdict: Verdict, message: int) -> None:
        """What the judge said of one message."""
        self._rows += verdict.rows
        self._row_source += [message] * len(verdict.rows)
        self._bad += [BadRecord(message, f"{why[0].upper()}{why[1:]}.", value) for why, value in verdict.bad]

    def refuse(self, bad: BadRecord) -> None:
        """A message that isn't looked into."""
        self._bad.append(bad)

    def decoded(self) -> Decoded:
        """All of it, in the order of the messages."""
        bad = sorted(self._bad, key=lambda record: record.index)
        if self._rows or not self._pieces:
            columns = from_rows(self._rows, avro_schema(self._record)["fields"])
            rows = pa.RecordBatch.from_arrays(columns, schema=arrow_schema(self._record))
            self._pieces.append((rows, np.array(self._row_source, np.int32)))
        source = np.concatenate([source for _, source in self._pieces])
        rows = _glued([rows for rows, _ in self._pieces])
        if (source[1:] < source[:-1]).any():
            order = np.argsort(source, kind="stable")
            rows, source = rows.take(pa.array(order)), source[order]
        return Decoded(rows, source, bad)


def _glued(pieces: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if len(pieces) == 1:
        return pieces[0]
    columns = [
        pa.concat_arrays(columns) for columns in zip(*(piece.columns for piece in pieces), strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pieces[0].schema)
