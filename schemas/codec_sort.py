"""What to do with values that could not be read in one call: who wrote which, and which are damaged."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, pairwise

import numpy as np

from schemas.codec_harvest import BadRecord, Harvest
from schemas.codec_walk import Positions, Walk
from schemas.codec_wire import HEADER_BYTES, MARKER, MOST_BYTES
from schemas.codec_writer import Indices, Reading, Writer
from schemas.reasons import TOO_LARGE


class Sorter:
    """Sorts values by writer, into `harvest`; a value longer than `most_bytes` isn't looked into."""

    def __init__(self, writers: Mapping[bytes, Writer], most_bytes: int, harvest: Harvest) -> None:
        self._writers = writers
        self._most_bytes = most_bytes
        self._harvest = harvest
        self._reach = max((writer.wire.reach for writer in writers.values() if writer.wire), default=0)

    def sort(self, values: Sequence[bytes], sizes: Positions) -> None:
        """Every value, of the bytes in `sizes`, ends up as rows or as bad records, by its index."""
        for index in np.flatnonzero(sizes > self._most_bytes).tolist():
            detail = f"The value has {sizes[index]} bytes, more than the limit of {self._most_bytes}."
            self._harvest.refuse(BadRecord(index, detail, None, TOO_LARGE))
        messages = np.flatnonzero(sizes <= self._most_bytes)
        for part in _parts(messages, sizes):
            self._by_writer(_Lot(_some(values, part), part.astype(np.int32), sizes[part], self._reach))

    def judge(self, value: bytes, message: int) -> None:
        """Look at one value alone."""
        writer = self._writers.get(value[:HEADER_BYTES])
        if writer is None:
            self._harvest.refuse(BadRecord(message, _what_is_wrong_with_header(value), value))
        else:
            self._harvest.keep_verdict(writer.judge.judge(value), message)

    def keep(self, reading: Reading, messages: Indices) -> None:
        """Keep what was read, and judge what was left out."""
        self._harvest.keep(reading, messages)
        for index, value in reading.doubtful:
            self.judge(value, int(messages[index]))

    def _by_writer(self, lot: "_Lot") -> None:
        unknown = np.ones(len(lot.values), np.bool_)
        for header, writer in self._writers.items():
            rows = lot.starting_with(header)
            unknown[rows] = False
            self._of_writer(writer, lot, rows)
        self._judge_all(lot, np.flatnonzero(unknown))

    def _of_writer(self, writer: Writer, lot: "_Lot", rows: Positions) -> None:
        tried = len(rows) == len(lot.values)  # all at once, before the sorting
        if writer.wire is None:
            self._judge_all(lot, rows)
        elif not tried and self._read(writer, lot, rows):
            return
        elif writer.item is not None:
            self._split(writer, lot, rows)
        else:
            whole = lot.walk.whole(writer.wire.record, lot.starts[rows] + HEADER_BYTES, lot.ends[rows])
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
        reading = writer.read(_some(lot.values, rows))
        if reading is not None:
            self.keep(reading, lot.messages[rows])
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
        self.walk = Walk(b"".join(values), reach)
        self._first = self.walk.words(self.starts)  # of short values it reaches into the next one
        self._second = self.walk.words(self.starts + 2)
        self._first[sizes < HEADER_BYTES] = 0

    def starting_with(self, header: bytes) -> Positions:
        """The rows whose value starts with the ten bytes of `header`."""
        first, second = np.frombuffer(header[:8], "<u8")[0], np.frombuffer(header[2:], "<u8")[0]
        return np.flatnonzero((self._first == first) & (self._second == second))


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


def _what_is_wrong_with_header(value: bytes) -> str:
    if not value:
        return "The value is empty."
    if len(value) < HEADER_BYTES:
        return f"The value has {len(value)} bytes, too few for the header of Avro's single-object encoding."
    if not value.startswith(MARKER):
        return f"The value starts with {value[:2].hex()}, not with c301 as in Avro's single-object encoding."
    return f"No known schema has the fingerprint {value[2:HEADER_BYTES].hex()}."
