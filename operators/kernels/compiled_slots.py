"""Slots of 64-bit keys in a hash table with open addressing, in compiled loops.

A place of the table holds 32 bits of a key's hash above `slot + 1`, 0 where it is empty; the high bits of the hash say
where to begin looking (linear probing). So a table is made twice as large in one walk from front to end, and keys
lie once, by slot.
"""

import numpy as np
import numpy.typing as npt
from numba import types

from operators.kernels.compiler import compiled, reads, writes
from schemas.frame import Int64s

UInt64s = npt.NDArray[np.uint64]

_FIRST_BITS = 11
_HALF = np.uint64(32)
_LOW = np.uint64((1 << 32) - 1)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_READ_KEYS, _READ_TABLE = reads(types.int64), reads(types.uint64)
_KEYS, _TABLE = writes(types.int64), writes(types.uint64)


class HashedSlots:
    """As `operators.kernels.slots.SortedSlots`: at most half of the table is filled, 24 to 48 bytes a key."""

    def __init__(self) -> None:
        self._parts = _empty(_FIRST_BITS)
        self.size = 0

    @property
    def keys(self) -> Int64s:
        return self._parts[0]

    def slots(self, keys: Int64s) -> Int64s:
        keys = np.ascontiguousarray(keys)
        found = np.empty(len(keys), np.int64)
        done, self.size = _place(keys, 0, found, *self._parts, self.size)
        while done < len(keys):
            self._parts = _twice(*self._parts, self.size)
            done, self.size = _place(keys, done, found, *self._parts, self.size)
        return found

    def find(self, keys: Int64s) -> Int64s:
        # One read of `_parts`: another thread may ask while this one adds keys.
        found = np.full(len(keys), -1)
        _find(np.ascontiguousarray(keys), found, *self._parts)
        return found

    def keep(self, kept: Int64s) -> None:
        keys = self.keys[kept]
        parts = _empty(max(_FIRST_BITS, (2 * len(keys)).bit_length()))
        _place(keys, 0, np.empty(len(keys), np.int64), *parts, 0)
        self._parts, self.size = parts, len(keys)


def _empty(bits: int) -> tuple[Int64s, UInt64s]:
    """Keys by slot, and the table: twice as long."""
    return np.empty(1 << (bits - 1), np.int64), np.zeros(1 << bits, np.uint64)


def _twice(keys: Int64s, table: UInt64s, size: int) -> tuple[Int64s, UInt64s]:
    larger = _empty(len(table).bit_length())
    larger[0][:size] = keys[:size]
    _move(table, larger[1])
    return larger


@compiled(types.uint64(types.int64))
def _hash(key: np.int64) -> np.uint64:
    """32 bits of a key's hash: the finalizer of splitmix64 (Steele, Lea and Flood 2014)."""
    mixed = np.uint64(key)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    return (mixed ^ (mixed >> np.uint64(31))) >> _HALF


@compiled(types.uint64(types.uint64))
def _shift(places: np.uint64) -> np.uint64:
    """How far to shift 32 bits of hash for a number below `places`, a power of two."""
    shift = _HALF
    while places > np.uint64(1):
        places >>= np.uint64(1)
        shift -= np.uint64(1)
    return shift


@compiled(types.UniTuple(types.int64, 2)(_READ_KEYS, types.int64, _KEYS, _KEYS, _TABLE, types.int64))
def _place(
    asked: Int64s, start: int, found: Int64s, keys: Int64s, table: UInt64s, size: int
) -> tuple[int, int]:
    """Find or add keys from row `start` on, until all are done or there is no room; returns row and size."""
    shift = _shift(np.uint64(len(table)))
    wrap = np.uint64(len(table) - 1)
    for row in range(start, len(asked)):
        key = asked[row]
        code = _hash(key)
        place = code >> shift
        while True:
            entry = table[place]
            if entry == np.uint64(0):
                if size == len(keys):
                    return row, size
                keys[size] = key
                size += 1
                table[place] = (code << _HALF) | np.uint64(size)
                found[row] = size - 1
                break
            slot = np.int64(entry & _LOW) - 1
            if entry >> _HALF == code and keys[slot] == key:
                found[row] = slot
                break
            place = (place + np.uint64(1)) & wrap
    return len(asked), size


@compiled(types.void(_READ_KEYS, _KEYS, _READ_KEYS, _READ_TABLE))
def _find(asked: Int64s, found: Int64s, keys: Int64s, table: UInt64s) -> None:
    shift = _shift(np.uint64(len(table)))
    wrap = np.uint64(len(table) - 1)
    for row in range(len(asked)):
        code = _hash(asked[row])
        place = code >> shift
        entry = table[place]
        while entry != np.uint64(0):
            slot = np.int64(entry & _LOW) - 1
            if entry >> _HALF == code and keys[slot] == asked[row]:
                found[row] = slot
                break
            place = (place + np.uint64(1)) & wrap
            entry = table[place]


@compiled(types.void(_READ_TABLE, _TABLE))
def _move(table: UInt64s, larger: UInt64s) -> None:
    shift = _shift(np.uint64(len(larger)))
    wrap = np.uint64(len(larger) - 1)
    for row in range(len(table)):
        entry = table[row]
        if entry != np.uint64(0):
            place = (entry >> _HALF) >> shift
            while larger[place] != np.uint64(0):
                place = (place + np.uint64(1)) & wrap
            larger[place] = entry
