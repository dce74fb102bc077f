"""Runs: distinct cells in order, each with its amount."""

from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.frame import Int64s

Amounts = npt.NDArray[Any]


def count_run(cells: Int64s, dtype: npt.DTypeLike) -> tuple[Int64s, Amounts]:
    """Distinct cells, sorted, each with the number of times it occurs."""
    cells = np.sort(cells)
    starts = _starts(cells)
    amounts = np.diff(np.append(starts, len(cells))).astype(dtype)
    return cells[starts], amounts


def sum_run(cells: Int64s, amounts: Amounts) -> tuple[Int64s, Amounts]:
    """Distinct cells, sorted, each with the sum of its amounts."""
    if not len(cells):
        return cells, amounts
    order = np.argsort(cells, kind="stable")
    cells = cells[order]
    starts = _starts(cells)
    return cells[starts], np.add.reduceat(amounts[order], starts, dtype=amounts.dtype)


def order(values: Int64s) -> Int64s:
    """The positions of the values in order, equal ones as they came."""
    return np.argsort(values, kind="stable")


def _starts(cells: Int64s) -> Int64s:
    if not len(cells):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], cells[1:] != cells[:-1])))
