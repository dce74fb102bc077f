"""What to do with values that could not be read in one call: who wrote which, and which are damaged."""

from collections.abc import Iterator, Sequence
from itertools import compress, pairwise
from typing import Final

import numpy as np

from schemas.codec_harvest import BadRecord, Harvest
from schemas.codec_header import Header, header_of
from schemas.codec_known import KnownWriters
from schemas.codec_walk import Mask, Positions, Walk
from schemas.codec_wire import MOST_BYTES
from schemas.codec_writer import Indices, Reading, Writer
from schemas.reasons import TOO_LARGE

_WORD: Final = 8


class Sorter:
    """Sorts values by writer, into `harvest`; a value longer than `most_bytes` isn't looked into."""

    def __init__(self, writers: KnownWriters, most_bytes: int, harvest: Harvest) -> None:
        self._writers = writers
        self._most_bytes = most_bytes
        self._harvest = harvest

    def sort(self, values: Sequence[bytes], sizes: Positions) -> None:
        """Every value, of the bytes in `sizes`, ends up as rows or as bad records, by its index.

        Raises HeadraceError if a schema registry is to be asked and can't be.
        """
        for index in np.flatnonzero(sizes > self._most_bytes).tolist():
            detail = f"The value has {sizes[index]} bytes, more than the limit of {self._most_bytes}."
            self._harvest.refuse(BadRecord(index, detail, None, TOO_LARGE))
        messages = np.flatnonzero(sizes <= self._most_bytes)
        for part in _parts(messages, sizes):
            self._by_writer(
                _Lot(_some(values, part), part.astype(np.int32), sizes[part], self._writers.reach)
            )

    def judge(self, value: bytes, message: int) -> None:
        """Look at one value alone; raises HeadraceError as `sort` does."""
        writer = self._writers.of(value)
        if isinstance(writer, Writer):
            self._harvest.keep_verdict(writer.judge.judge(value), message)
        else:
            self._harvest.refuse(BadRecord(message, writer, value))

    def keep(self, writer: Writer, reading: Reading, values: Sequence[bytes], messages: Indices) -> None:
        """Keep what `writer` read of `values`, and judge what was left out."""
        self._harvest.keep(reading, messages)
        for index in reading.doubtful:
            self.judge(values[index], int(messages[index]))
        if writer.item is not None:
            for index, value in reading.wrong:
                self._harvest.keep_verdict(writer.item.judge.judge(value), int(messages[index]))

    def _by_writer(self, lot: "_Lot") -> None:
        unknown = np.ones(len(lot.values), np.bool_)
        self._of_writers(list(self._writers), lot, unknown, tried=True)
        others = np.flatnonzero(unknown)
        learnt = self._writers.learn({header_of(lot.values[i]) for i in others.tolist()})
        if learnt:
            lot.reach_out(self._writers.reach)
            self._of_writers(learnt, lot, unknown, tried=False)
            others = np.flatnonzero(unknown)
        self._judge_all(lot, others)

    def _of_writers(self, writers: Sequence[Writer], lot: "_Lot", unknown: Mask, tried: bool) -> None:
        """Deal with the values of these writers, and strike them off `unknown`.

        `tried` says that a lot of one writer alone could not be read in one call, before the sorting.
        """
        for writer in writers:
            rows = lot.starting_with(writer.header)
            unknown[rows] = False
            self._of_writer(writer, lot, rows, tried and len(rows) == len(lot.values))

    def _of_writer(self, writer: Writer, lot: "_Lot", rows: Positions, tried: bool) -> None:
        if writer.wire is None:
            self._judge_all(lot, rows)
        elif not tried and self._read(writer, lot, rows):
            return
        elif writer.item is not None:
            self._split(writer, lot, rows)
        else:
            whole = lot.walk.whole(writer.wire.record, lot.starts[rows] + len(writer.header), lot.ends[rows])
            self._judge_all(lot, rows[~whole])
            if not self._read(writer, lot, rows[whole]):
                self._split(writer, lot, rows[whole])

    def _split(self, writer: Writer, lot: "_Lot", rows: Positions) -> None:
        """Find those of `rows` that can't be read, and read the others, a quarter at a time.

        For batches of records, which are worth a call each: at four parts, what is read in vain is least.
        """
        if len(rows) == 1:
            self._judge_all(lot, rows)
            return
        for part in np.array_split(rows, min(4, len(rows))):
            if not self._read(writer, lot, part):
                self._split(writer, lot, part)

    def _read(self, writer: Writer, lot: "_Lot", rows: Positions) -> bool:
        """Keep what `rows` hold, if they can be read in one call."""
        if not len(rows):
            return True
        values = _some(lot.values, rows)
        reading = writer.read(values)
        if reading is not None:
            self.keep(writer, reading, values, lot.messages[rows])
        return reading is not None

    def _judge_all(self, lot: "_Lot", rows: Positions) -> None:
        for i in rows.tolist():
            self.judge(lot.values[i], int(lot.messages[i]))


class _Lot:
    """Values sorted together, the message of each, and where each stands in the joined bytes."""

    def __init__(self, values: Sequence[bytes], messages: Indices, sizes: Positions, reach: int) -> None:
        self.values = values
        self.messages = messages
        self.ends = np.cumsum(sizes)
        self.starts = self.ends - sizes
        self._joined, self._reach = b"".join(values), reach
        self.walk = Walk(self._joined, reach)
        self._sizes = sizes
        self._first = self.walk.words(self.starts)  # of short values it reaches into the next one

    def reach_out(self, reach: int) -> None:
        """Let the walk go over types of this reach."""
        if reach > self._reach:
            self._reach, self.walk = reach, Walk(self._joined, reach)

    def starting_with(self, header: Header) -> Positions:
        """The rows whose value starts with the bytes of `header`."""
        bytes_, size = header.bytes, len(header)
        ours = (self._sizes >= size) & (self._first & _mask(size) == _word(bytes_[:_WORD]))
        rows = np.flatnonzero(ours)
        if size <= _WORD:
            return rows
        rest: Positions = rows[
            self.walk.words(self.starts[rows] + size - _WORD) == _word(bytes_[size - _WORD :])
        ]
        return rest


def _word(bytes_: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(bytes_, "little"))


def _mask(size: int) -> np.uint64:
    """The first `size` bytes of a word."""
    return np.uint64((1 << 8 * min(size, _WORD)) - 1)


def _some(values: Sequence[bytes], rows: Positions) -> Sequence[bytes]:
    """The values of ascending `rows`."""
    if len(rows) == len(values):
        return values
    chosen = np.zeros(len(values), np.bool_)
    chosen[rows] = True
    return list(compress(values, chosen.tolist()))


def _parts(messages: Positions, sizes: Positions) -> Iterator[Positions]:
    """Messages in runs that can be joined."""
    part_of = np.cumsum(sizes[messages]) // MOST_BYTES
    edges = [0, *(np.flatnonzero(np.diff(part_of)) + 1).tolist(), len(messages)]
    return (messages[start:end] for start, end in pairwise(edges) if start < end)
