"""Runs of cells by radix sort, least significant digit first, in compiled loops."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from operators.kernels.compiler import compiled, reads, writes
from schemas.frame import Int64s

UInt64s = npt.NDArray[np.uint64]
Amounts = npt.NDArray[Any]

_TOP = np.uint64(1 << 63)
_ONE = np.uint64(1)
_BITS = np.uint64(11)
_DIGITS = 1 << 11
_MASK = np.uint64(_DIGITS - 1)


def count_run(cells: Int64s, dtype: npt.DTypeLike) -> tuple[Int64s, Amounts]:
    """As `operators.kernels.runs.count_run`."""
    found, counts = sum_run(cells, np.ones(len(cells), np.uint32))
    return found, counts.astype(dtype, copy=False)


def sum_run(cells: Int64s, amounts: Amounts) -> tuple[Int64s, Amounts]:
    """As `operators.kernels.runs.sum_run`; amounts are uint32, which wrap round, or int64."""
    keys = np.empty(len(cells), np.uint64)
    differ = _to_keys(np.ascontiguousarray(cells), keys)
    found, sums = np.empty(len(cells), np.int64), np.empty(len(cells), amounts.dtype)
    size = _sum(keys, np.ascontiguousarray(amounts), differ, found, sums)
    return found[:size].copy(), sums[:size].copy()


@compiled(types.uint64(reads(types.int64), writes(types.uint64)))
def _to_keys(cells: Int64s, keys: UInt64s) -> np.uint64:
    """Make unsigned keys of the same order; returns the bits in which they differ."""
    differ = np.uint64(0)
    for row in range(len(cells)):
        keys[row] = np.uint64(cells[row]) ^ _TOP
        differ |= keys[row] ^ keys[0]
    return differ


def _sorts(amount: Any) -> Any:
    return types.int64(writes(types.uint64), reads(amount), types.uint64, writes(types.int64), writes(amount))


@compiled(_sorts(types.uint32), _sorts(types.int64))
def _sum(keys: UInt64s, amounts: Amounts, differ: np.uint64, found: Int64s, sums: Amounts) -> int:
    """Sort keys with their amounts, digits that are equal everywhere left out, then add up neighbours.

    Returns how many distinct cells were `found`.
    """
    rows = len(keys)
    values = amounts.copy()
    other_keys, other_values = np.empty_like(keys), np.empty_like(values)
    places = np.empty(_DIGITS, np.int64)
    shift = np.uint64(0)
    while shift < np.uint64(64) and differ >> shift:
        if not (differ >> shift) & _ONE:
            shift += _ONE
            continue
        places[:] = 0
        for row in range(rows):
            places[(keys[row] >> shift) & _MASK] += 1
        place = 0
        for digit in range(_DIGITS):
            count = places[digit]
            places[digit] = place
            place += count
        for row in range(rows):
            digit = (keys[row] >> shift) & _MASK
            place = places[digit]
            places[digit] = place + 1
            other_keys[place] = keys[row]
            other_values[place] = values[row]
        keys, other_keys = other_keys, keys
        values, other_values = other_values, values
        shift += _BITS
    size = 0
    for row in range(rows):
        cell = np.int64(keys[row] ^ _TOP)
        if size and found[size - 1] == cell:
            sums[size - 1] += values[row]
        else:
            found[size] = cell
            sums[size] = values[row]
            size += 1
    return size
