"""What to do with values that could not be read in one call: who wrote which, and which are damaged."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from schemas.codec_harvest import BadRecord, Harvest
from schemas.codec_walk import Positions, Walk
from schemas.codec_wire import HEADER_BYTES, MARKER, MOST_BYTES, Wire
from schemas.codec_writer import Indices, Reading, Writer
from schemas.reasons import TOO_LARGE

_BLOCK: Final = 16_384  # values sorted at once: small enough for the cache, large enough for numpy


class Sorter:
    """Sorts values by writer, into `harvest`; a value longer than `most_bytes` isn't looked into."""

    def __init__(self, writers: Mapping[bytes, Writer], most_bytes: int, harvest: Harvest) -> None:
        self._writers = writers
        self._most_bytes = most_bytes
        self._harvest = harvest

    def sort(self, values: Sequence[bytes]) -> None:
        """Every value ends up as rows or as bad records, by its index."""
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        for index in np.flatnonzero(sizes > self._most_bytes).tolist():
            detail = f"The value has {sizes[index]} bytes, more than the limit of {self._most_bytes}."
            self._harvest.refuse(BadRecord(index, detail, None, TOO_LARGE))
        rest = np.flatnonzero(sizes <= self._most_bytes).astype(np.int32)
        block_of = np.maximum(np.arange(len(rest)) // _BLOCK, np.cumsum(sizes[rest]) // MOST_BYTES)
        for messages in np.split(rest, np.flatnonzero(np.diff(block_of)) + 1):
            self._block([values[i] for i in messages.tolist()], messages, sizes[messages])

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

    def _block(self, values: list[bytes], messages: Indices, sizes: Positions) -> None:
        block = _Block(values, messages, sizes)
        unknown = np.ones(len(values), np.bool_)
        for header, writer in self._writers.items():
            rows = block.starting_with(header)
            unknown[rows] = False
            if not len(rows):
                continue
            if writer.wire is None:
                self._judge_all(block, rows)
            elif writer.item is not None:
                self._halve(writer, block, rows)
            else:
                self._walk(writer, writer.wire, block, rows)
        self._judge_all(block, np.flatnonzero(unknown))

    def _walk(self, writer: Writer, wire: Wire, block: "_Block", rows: Positions) -> None:
        """Find the damaged values among `rows`, all of one writer, by walking over all at once."""
        if self._read(writer, block, rows):
            return
        starts, ends = block.starts[rows] + HEADER_BYTES, block.ends[rows]
        whole = block.walk.whole(wire.record, starts, ends)
        self._judge_all(block, rows[~whole])
        self._halve(writer, block, rows[whole])

    def _halve(self, writer: Writer, block: "_Block", rows: Positions) -> None:
        """Find the damaged values among `rows` by halves: for batches, where a value is worth a call."""
        if self._read(writer, block, rows):
            return
        if len(rows) == 1:
            self._judge_all(block, rows)
            return
        for half in np.array_split(rows, 2):
            self._halve(writer, block, half)

    def _read(self, writer: Writer, block: "_Block", rows: Positions) -> bool:
        """Keep what `rows` hold, if they can be read in one call."""
        if not len(rows):
            return True
        values = block.values if len(rows) == len(block.values) else [block.values[i] for i in rows.tolist()]
        reading = writer.read(values)
        if reading is not None:
            self.keep(reading, block.messages[rows])
        return reading is not None

    def _judge_all(self, block: "_Block", rows: Positions) -> None:
        for i in rows.tolist():
            self.judge(block.values[i], int(block.messages[i]))


class _Block:
    """Values sorted together, the message of each, and where each stands in the joined bytes."""

    def __init__(self, values: list[bytes], messages: Indices, sizes: Positions) -> None:
        self.values = values
        self.messages = messages
        self.ends = np.cumsum(sizes)
        self.starts = self.ends - sizes
        self.walk = Walk(b"".join(values))
        self._first = self.walk.words(self.starts)  # of short values it reaches into the next one
        self._second = self.walk.words(self.starts + 2)
        self._first[sizes < HEADER_BYTES] = 0

    def starting_with(self, header: bytes) -> Positions:
        """The rows whose value starts with the ten bytes of `header`."""
        first, second = np.frombuffer(header[:8], "<u8")[0], np.frombuffer(header[2:], "<u8")[0]
        return np.flatnonzero((self._first == first) & (self._second == second))


def _what_is_wrong_with_header(value: bytes) -> str:
    if not value:
        return "The value is empty."
    if len(value) < HEADER_BYTES:
        return f"The value has {len(value)} bytes, too few for the header of Avro's single-object encoding."
    if not value.startswith(MARKER):
        return f"The value starts with {value[:2].hex()}, not with c301 as in Avro's single-object encoding."
    return f"No known schema has the fingerprint {value[2:HEADER_BYTES].hex()}."
