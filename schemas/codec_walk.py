"""Which of many Avro values are whole: all of them walked at once, a field at a time, in numpy.

When a batch fails, this finds the values at fault at about the price of decoding it. It only follows lengths: a
value is whole if its fields end exactly where it ends. What isn't whole, or is written in an unusual way, is for
the one-by-one judge.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ONE: Final = np.uint64(1)
_BLOCK: Final = 16_384  # values walked at once: few enough for the cache, enough for numpy
_MOST_ITEMS: Final = 1024  # a value with more items in one array is walked by the judge instead
_FIXED: Final = {"float": 4, "double": 8}


def reach(avro: Any) -> int:
    """How many bytes after its end the walk over one broken value of a lenient type may look."""
    match avro:
        case ["null", inner]:
            return 1 + reach(inner)
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            return 30 + reach(inner)  # the count, the size of a block, a key
        case {"type": "record", "fields": fields}:
            return sum(reach(field["type"]) for field in fields)
    return 10


class Walk:
    """Bytes to walk through: values joined, each from one of `starts` to the same place in `ends`.

    `reach` is the largest `reach` of the types to be walked.
    """

    def __init__(self, joined: bytes, reach: int) -> None:
        self.bytes = np.frombuffer(joined + bytes(reach + 16), np.uint8)
        self._words = np.ndarray(len(self.bytes) - 7, "<u8", self.bytes, strides=(1,))

    def whole(self, avro: Any, starts: Positions, ends: Positions) -> Mask:
        """Which values are one lenient `avro` record from their start to exactly their end."""
        whole = np.empty(len(starts), np.bool_)
        for first in range(0, len(starts), _BLOCK):
            block = slice(first, first + _BLOCK)
            whole[block] = self._after(avro, starts[block], ends[block]) == ends[block]
        return whole

    def words(self, at: Positions) -> npt.NDArray[np.uint64]:
        """The eight bytes at each position as a little-endian number."""
        words: npt.NDArray[np.uint64] = self._words[at]
        return words

    def _after(self, avro: Any, at: Positions, ends: Positions) -> Positions:
        """The position after one `avro` at each of `at`; beyond `ends`, for good, where it can't be one."""
        match avro:
            case "long":
                return self._after_varint(at, ends)
            case "boolean":
                return np.where(self.bytes[at] <= 1, at + 1, ends + 1)
            case "float" | "double":
                return at + _FIXED[avro]
            case "string":
                return self._after_string(at, ends)
            case ["null", inner]:
                branch = self.bytes[at]
                if (branch == 2).all():
                    return self._after(inner, at + 1, ends)
                after, rows = at + 1, np.flatnonzero(branch == 2)
                after[rows] = self._after(inner, after[rows], ends[rows])
                return np.where(branch & 0xFD == 0, after, ends + 1)
            case {"type": "array", "items": items}:
                return self._after_blocks([items], at, ends)
            case {"type": "map", "values": values}:
                return self._after_blocks(["string", values], at, ends)
            case {"type": "record", "fields": fields}:
                for field in fields:
                    at = self._after(field["type"], at, ends)
                return at
        raise ValueError(f"{avro!r} is no lenient Avro type")

    def _after_varint(self, at: Positions, ends: Positions) -> Positions:
        if (self.bytes[at] < 0x80).all():
            return at + 1
        last = ~self._words[at] & _HIGH_BITS  # bytes that end a varint
        length = (np.bitwise_count((last & -last) - _ONE) >> 3) + 1  # 9 where none of the eight does
        after: Positions = at + length
        long = np.flatnonzero(length == 9)
        if len(long):
            ninth, tenth = self.bytes[at[long] + 8] >= 0x80, self.bytes[at[long] + 9]
            after[long] += ninth
            broken = long[ninth & (tenth > 1)]
            after[broken] = ends[broken] + 1
        return after

    def _after_string(self, at: Positions, ends: Positions) -> Positions:
        first = self.bytes[at]
        if (first & 0x81).any():
            length, start = self._number(at, ends)
        else:  # one byte and not negative
            length, start = first >> 1, at + 1
        after = start + length
        beyond = (length < 0) | (after > ends)
        return np.where(beyond, ends + 1, after) if beyond.any() else after

    def _number(self, at: Positions, ends: Positions) -> tuple[Positions, Positions]:
        """The number at each of `at` and the position after it; one beyond 4 bytes counts as broken."""
        first = self.bytes[at].astype(np.int64)
        number, after = (first >> 1) ^ -(first & 1), at + 1
        more = np.flatnonzero(first >= 0x80)
        if len(more):
            word = self._words[at[more]]
            after[more] = self._after_varint(at[more], ends[more])
            size = after[more] - at[more]
            bits = np.zeros(len(more), np.int64)
            for byte in range(4):
                part = (word >> np.uint64(8 * byte)).astype(np.int64) & 0x7F
                bits |= np.where(size > byte, part << (7 * byte), 0)
            number[more] = (bits >> 1) ^ -(bits & 1)
            broken = more[size > 4]
            after[broken] = ends[broken] + 1
        return number, after

    def _after_blocks(self, parts: list[Any], at: Positions, ends: Positions) -> Positions:
        """The position after the blocks of an array or map whose item is `parts`, one after the other."""
        after, rows = at.copy(), np.arange(len(at))
        for _ in range(_MOST_ITEMS):
            count, here = self._number(after[rows], ends[rows])
            sized = count < 0  # a negative count is followed by the size of the block in bytes
            here[sized] = self._number(here[sized], ends[rows][sized])[1]
            after[rows] = self._after_items(parts, here, ends[rows], np.abs(count))
            rows = rows[(count != 0) & (after[rows] <= ends[rows])]
            if not len(rows):
                return after
        after[rows] = ends[rows] + 1
        return after

    def _after_items(self, parts: list[Any], at: Positions, ends: Positions, count: Positions) -> Positions:
        if len(parts) == 1 and isinstance(parts[0], str) and parts[0] in _FIXED:
            size = count * _FIXED[parts[0]]
            return np.where(size <= ends - at, at + size, ends + 1)
        after, rows = at.copy(), np.flatnonzero(count)
        for item in range(_MOST_ITEMS):
            here = after[rows]
            for part in parts:
                here = self._after(part, here, ends[rows])
            after[rows] = here
            rows = rows[(count[rows] > item + 1) & (here <= ends[rows])]
            if not len(rows):
                return after
        after[rows] = ends[rows] + 1
        return after
