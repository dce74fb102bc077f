"""Runs of cells, sorted and added up in compiled loops."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from operators.kernels.compiled_sort import from_keys, sorted_with
from operators.kernels.compiler import compiled, writes
from schemas.frame import Int64s

UInt64s = npt.NDArray[np.uint64]
Amounts = npt.NDArray[Any]


def count_run(cells: Int64s, dtype: npt.DTypeLike) -> tuple[Int64s, Amounts]:
    """As `operators.kernels.runs.count_run`."""
    found, counts = sum_run(cells, np.ones(len(cells), np.uint32))
    return found, counts.astype(dtype, copy=False)


def sum_run(cells: Int64s, amounts: Amounts) -> tuple[Int64s, Amounts]:
    """As `operators.kernels.runs.sum_run`; amounts are uint32, which wrap round, or int64."""
    keys, sums = sorted_with(cells, amounts)
    size = _add_up(keys, sums)
    found = np.empty(size, np.int64)
    from_keys(keys[:size], found)
    return found, sums[:size].copy()


def _sorted(amount: Any) -> Any:
    return types.int64(writes(types.uint64), writes(amount))


@compiled(_sorted(types.uint32), _sorted(types.int64))
def _add_up(keys: UInt64s, amounts: Amounts) -> int:
    """Put each key once to the front, with the sum of its amounts; returns how many there are."""
    size = 0
    for row in range(len(keys)):
        if size and keys[size - 1] == keys[row]:
            amounts[size - 1] += amounts[row]
        else:
            keys[size] = keys[row]
            amounts[size] = amounts[row]
            size += 1
    return size
