"""Radix sort of 64-bit numbers, least significant digit first, in compiled loops; it is stable.

Digits in which all numbers agree cost nothing: cells of one frame differ in few of their bits.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from operators.kernels.compiler import compiled, reads, writes
from schemas.frame import Int64s

UInt64s = npt.NDArray[np.uint64]

_TOP = np.uint64(1 << 63)
_ONE = np.uint64(1)
_BITS = np.uint64(11)
_DIGITS = 1 << 11
_MASK = np.uint64(_DIGITS - 1)
_INT64S, _KEYS = writes(types.int64), writes(types.uint64)


def sort(values: Int64s) -> Int64s:
    """The values in order."""
    keys = np.empty(len(values), np.uint64)
    differ = _to_keys(np.ascontiguousarray(values), keys)
    _sort(keys, np.empty_like(keys), differ)
    found = np.empty(len(values), np.int64)
    from_keys(keys, found)
    return found


def order(values: Int64s) -> Int64s:
    """The positions of the values in order, equal ones as they came."""
    return sorted_with(values, np.arange(len(values)))[1]


def sorted_with(values: Int64s, others: npt.NDArray[Any]) -> tuple[UInt64s, npt.NDArray[Any]]:
    """Values in order, as keys, and with each what came with it: uint32 or int64."""
    keys, others = np.empty(len(values), np.uint64), np.array(others)
    differ = _to_keys(np.ascontiguousarray(values), keys)
    _sort_with(keys, np.empty_like(keys), others, np.empty_like(others), differ)
    return keys, others


@compiled(types.uint64(reads(types.int64), _KEYS))
def _to_keys(values: Int64s, keys: UInt64s) -> np.uint64:
    """Make unsigned keys of the same order; returns the bits in which they differ."""
    differ = np.uint64(0)
    for row in range(len(values)):
        keys[row] = np.uint64(values[row]) ^ _TOP
        differ |= keys[row] ^ keys[0]
    return differ


@compiled(types.void(reads(types.uint64), _INT64S))
def from_keys(keys: UInt64s, values: Int64s) -> None:
    """The values that keys were made of."""
    for row in range(len(keys)):
        values[row] = np.int64(keys[row] ^ _TOP)


@compiled(types.void(_KEYS, types.uint64, _INT64S))
def _begin(keys: UInt64s, shift: np.uint64, places: Int64s) -> None:
    """Where the keys of each digit begin."""
    places[:] = 0
    for row in range(len(keys)):
        places[(keys[row] >> shift) & _MASK] += 1
    place = 0
    for digit in range(_DIGITS):
        count = places[digit]
        places[digit] = place
        place += count


@compiled(types.void(_KEYS, _KEYS, types.uint64))
def _sort(keys: UInt64s, spare: UInt64s, differ: np.uint64) -> None:
    places = np.empty(_DIGITS, np.int64)
    source, target = keys, spare
    shift, passes = np.uint64(0), 0
    while shift < np.uint64(64) and differ >> shift:
        if not (differ >> shift) & _ONE:
            shift += _ONE
            continue
        _begin(source, shift, places)
        for row in range(len(source)):
            digit = (source[row] >> shift) & _MASK
            target[places[digit]] = source[row]
            places[digit] += 1
        source, target = target, source
        shift += _BITS
        passes += 1
    if passes & 1:
        keys[:] = spare


def _with(kind: Any) -> Any:
    return types.void(_KEYS, _KEYS, writes(kind), writes(kind), types.uint64)


@compiled(_with(types.uint32), _with(types.int64))
def _sort_with(
    keys: UInt64s, spare: UInt64s, others: npt.NDArray[Any], spares: npt.NDArray[Any], differ: np.uint64
) -> None:
    places = np.empty(_DIGITS, np.int64)
    source, target = keys, spare
    values, moved = others, spares
    shift, passes = np.uint64(0), 0
    while shift < np.uint64(64) and differ >> shift:
        if not (differ >> shift) & _ONE:
            shift += _ONE
            continue
        _begin(source, shift, places)
        for row in range(len(source)):
            digit = (source[row] >> shift) & _MASK
            place = places[digit]
            places[digit] = place + 1
            target[place] = source[row]
            moved[place] = values[row]
        source, target = target, source
        values, moved = moved, values
        shift += _BITS
        passes += 1
    if passes & 1:
        keys[:] = spare
        others[:] = spares
