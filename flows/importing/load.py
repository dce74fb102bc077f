"""Rows of files into the partitions of a topic, in the order of the files."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flows.importing import csv_file, parquet_file
from flows.importing.chunk import BadRow, Chunk
from flows.importing.csv_file import read_csv
from flows.importing.json_lines import first_names, read_json_lines
from flows.importing.parquet_file import read_parquet
from flows.importing.typed import APPEND, ERASE, IGNORED, MADE, Columns, Typed
from schemas.codec import Codec
from schemas.errors import HeadraceError, UsageError
from schemas.frame import Int64s
from schemas.placement import message_keys, partitions_of
from schemas.records import BATCHED, arrow_schema
from schemas.topics import TOPICS
from sinks.log import LogWriter

TYPES: Final = {".csv": "CSV", ".jsonl": "JSON lines", ".ndjson": "JSON lines", ".parquet": "Parquet"}
EVENT_TIMES: Final = ("at_ms", "served_at_ms", "tick_ms", "broker_ms", "complete_ms")
"""What records call their event time, the first that they have."""

SAMPLE_BYTES: Final = 65_536

HELD: Final = 2_000_000
"""Rows after which the writer is flushed, so that it never holds more."""


@dataclass
class Imported:
    """What an import did: rows written, times seen, and notes for people."""

    rows: int = 0
    messages: int = 0
    bad: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    close_ms: int = 0
    notes: list[str] = field(default_factory=list)


class Importer:
    """Writes chunks into a topic of `partitions` partitions by `codec`; interactions go `batch` to a message.

    `max_ahead_ms` bounds what a row that is ahead of its append time may claim when a history is closed.
    """

    def __init__(
        self,
        writer: LogWriter,
        topic: str,
        codec: Codec,
        partitions: int,
        max_ahead_ms: int,
        batch: int = 1,
    ) -> None:
        place = TOPICS[topic]
        if batch > 1 and place.record not in BATCHED:
            raise UsageError(f"records of {topic!r} can't go {batch} to a message; leave --batch out")
        self._writer = writer
        self._topic = topic
        self._partitions = partitions
        self._max_ahead_ms = max_ahead_ms
        self._batch = batch
        self._codec = codec
        self._flushed = 0
        self.done = Imported()

    def load(self, file: Path) -> Iterator[list[BadRow]]:
        """Write the good rows of a file; yields the bad ones, chunk by chunk.

        Raises HeadraceError when the file can't be read or the log refuses.
        """
        place = TOPICS[self._topic]
        columns = Columns(place.record, place.key, erasable=place.cleanup == "compact")
        self._note_unknown(file)
        for chunk in read(file, place.record):
            typed, bad = columns.typed(chunk)
            self.done.bad += len(bad)
            if len(typed.rows):
                self._write(file, typed)
            yield bad
        if columns.timed is False:
            self.done.notes.append(
                f"{file.name} has no column append_ms: the order of the file counts, each row as appended at its "
                "at_ms, and no row can be found to be ahead of its time"
            )

    def _note_unknown(self, file: Path) -> None:
        known = {*arrow_schema(TOPICS[self._topic].record).names, APPEND, ERASE, *IGNORED}
        unknown = [name for name in _names(file) if name not in known]
        if unknown:
            self.done.notes.append(
                f"{file.name}: {', '.join(unknown)} left out, no field of {TOPICS[self._topic].record} is called so"
            )

    def _write(self, file: Path, typed: Typed) -> None:
        rows = typed.rows
        if typed.unnamed.any():
            rows = _named(rows, typed, file)
        at_ms = _times(rows, typed.append_ms)
        append_ms = at_ms if typed.append_ms is None else typed.append_ms
        self._see(at_ms, append_ms)
        places = partitions_of(self._topic, rows, self._partitions)
        order = np.argsort(places, kind="stable")
        rows, erased, append_ms = rows.take(pa.array(order)), typed.erased[order], append_ms[order]
        edges = np.searchsorted(places[order], np.arange(self._partitions + 1)).tolist()
        if self._batch > 1:
            self._write_batches(rows, append_ms, edges)
        else:
            values = self._values(rows, erased)
            keys = message_keys(self._topic, rows)
            for partition, (first, last) in enumerate(pairwise(edges)):
                if first < last:
                    part = slice(first, last)
                    self._writer.write(self._topic, partition, values[part], keys[part], append_ms[part])
            self.done.messages += len(values)
        self.done.rows += len(rows)
        if self.done.rows - self._flushed >= HELD:
            self._writer.flush()
            self._flushed = self.done.rows

    def _values(
        self, rows: pa.RecordBatch, erased: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> Sequence[bytes | None]:
        if not erased.any():
            return self._codec.encode(rows)
        whole = iter(self._codec.encode(rows.filter(pa.array(~erased))))
        return [None if gone else next(whole) for gone in erased.tolist()]

    def _write_batches(self, rows: pa.RecordBatch, append_ms: Int64s, edges: list[int]) -> None:
        """Messages of `batch` rows, none across partitions; a message is appended when its last row is."""
        for partition, (first, last) in enumerate(pairwise(edges)):
            if first < last:
                values = self._codec.encode_batches(rows.slice(first, last - first), self._batch)
                latest = np.maximum.reduceat(append_ms[first:last], np.arange(0, last - first, self._batch))
                self._writer.write(self._topic, partition, values, None, latest)
                self.done.messages += len(values)

    def _see(self, at_ms: Int64s, append_ms: Int64s) -> None:
        done = self.done
        first, last = int(at_ms.min()), int(at_ms.max())
        done.first_ms = first if done.first_ms is None else min(done.first_ms, first)
        done.last_ms = last if done.last_ms is None else max(done.last_ms, last)
        believed = np.maximum(append_ms, np.minimum(at_ms, append_ms + self._max_ahead_ms))
        done.close_ms = max(done.close_ms, int(believed.max()))


def read(file: Path, record: str) -> Iterator[Chunk]:
    """The rows of a file, by what its name ends in."""
    kind = kind_of(file)
    if kind == "CSV":
        return read_csv(file)
    return read_parquet(file) if kind == "Parquet" else read_json_lines(file, record)


def kind_of(file: Path) -> str:
    """What a file is by the end of its name.

    Raises UsageError when that says nothing.
    """
    kind = TYPES.get(file.suffix.lower())
    if kind is None:
        raise UsageError(f"{file} ends in none of {', '.join(TYPES)}; rename it after what it is")
    return kind


def about_rows(file: Path) -> int:
    """About how many rows a file has: by its first lines, or as a Parquet file says."""
    if kind_of(file) == "Parquet":
        return parquet_file.row_count(file)
    try:
        with file.open("rb") as text:
            head = text.read(SAMPLE_BYTES)
        return head.count(b"\n") * file.stat().st_size // max(len(head), 1)
    except OSError as error:
        raise HeadraceError(f"{file} can't be read: {error.strerror}") from error


def _names(file: Path) -> list[str]:
    names = {"CSV": csv_file.column_names, "Parquet": parquet_file.column_names, "JSON lines": first_names}
    return names[kind_of(file)](file)


def _times(rows: pa.RecordBatch, append_ms: Int64s | None) -> Int64s:
    """The event time of each row; a row without one has its append time."""
    column = rows.column(next(name for name in EVENT_TIMES if name in rows.schema.names))
    if append_ms is not None:
        column = pc.coalesce(column, pa.array(append_ms))
    times: Int64s = column.to_numpy()
    return times


def _named(rows: pa.RecordBatch, typed: Typed, file: Path) -> pa.RecordBatch:
    """The rows with an event id for each that had none."""
    column = rows.schema.get_field_index(MADE)
    made = pa.array(made_ids(file.name, typed.lines))
    return rows.set_column(column, rows.schema.field(column), pc.coalesce(rows.column(column), made))


def made_ids(name: str, lines: Int64s) -> Int64s:
    """An event id for each line of a file of this name: 63 bits of a hash of both, on any machine the same.

    The name is hashed by BLAKE2b; the line is added and mixed by the finalizer of splitmix64 (Steele, Lea, Flood
    2014), which is one to one.

    >>> made_ids("day.csv", np.array([2, 3])).tolist()
    [8017475619036629707, 315241132090378630]
    """
    seed = np.frombuffer(hashlib.blake2b(name.encode(), digest_size=8).digest(), dtype="<u8")
    z = seed + lines.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    ids: Int64s = ((z ^ (z >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)
    return ids
