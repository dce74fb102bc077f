"""Additive counts by slot and column, over several sliding windows at once.

A *cell* is one 64-bit number, `pane << 34 | slot << 6 | column`, so that sorting cells sorts them by time. A run is an
array of cells in order of their panes, with their amounts. A window is what was ever added less what has left it, both
held as whole numbers, so nothing drifts and the order of additions does not matter (panes after Li et al. 2005,
"No pane, no gain"; subtract-on-evict after Tangwongsan et al. 2015).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.kernels import kernels
from schemas.frame import Int64s

PANE_SHIFT = 34
COLUMN_BITS = 6
COLUMN_MASK = (1 << COLUMN_BITS) - 1
SLOT_MASK = (1 << (PANE_SHIFT - COLUMN_BITS)) - 1
MAX_PANE = 1 << 28
"""Panes lie within +-MAX_PANE of the epoch: 85 years of ten seconds."""

_FRESH_RUNS = 32
_FAN_IN = 4

Amounts = npt.NDArray[Any]


def pack(panes: Int64s, slots: Int64s, columns: Int64s | int) -> Int64s:
    """Cells int64[n] from pane numbers, slots and columns."""
    cells: Int64s = (panes << PANE_SHIFT) | (slots << COLUMN_BITS) | columns
    return cells


def slots_of(cells: Int64s) -> Int64s:
    """The slot of each cell."""
    return (cells >> COLUMN_BITS) & SLOT_MASK


@dataclass(slots=True)
class Run:
    """Cells in order of their panes with amounts, and by window how many of them have left it."""

    cells: Int64s
    amounts: Amounts
    left: list[int]


def count_run(cells: Int64s, dtype: npt.DTypeLike) -> tuple[Int64s, Amounts]:
    """Distinct cells, sorted, each with the number of times it occurs."""
    return kernels().count_run(cells, dtype)


def sum_run(cells: Int64s, amounts: Amounts) -> tuple[Int64s, Amounts]:
    """Distinct cells, sorted, each with the sum of its amounts (uint32, which wrap round, or int64)."""
    return kernels().sum_run(cells, amounts)


class Ledger:
    """Totals and what has left each window, by slot and column; runs remember what is still to leave.

    `columns` is the number of columns of a slot, `windows` the number of windows, `dtype` an integer type that may
    wrap round: differences stay right. A window's threshold is a pane number: cells of earlier panes have left.
    """

    def __init__(self, columns: int, windows: int, dtype: npt.DTypeLike) -> None:
        self.columns = columns
        self.total: Amounts = np.zeros(0, dtype)
        self.gone: list[Amounts] = [np.zeros(0, dtype) for _ in range(windows)]
        self.thresholds: list[int] = [-MAX_PANE] * windows
        self.fresh: list[Run] = []
        self.runs: list[Run] = []

    def grow(self, slots: int) -> None:
        """Make room for `slots` slots."""
        size = slots * self.columns
        self.total = _grown(self.total, size)
        self.gone = [_grown(gone, size) for gone in self.gone]

    def add(self, cells: Int64s, amounts: Amounts, fresh: bool) -> list[Int64s]:
        """Add cells in order of their panes; returns by window those that have left it already.

        A `fresh` run is part of the next snapshot, any other was read from one.
        """
        np.add.at(self.total, self.flat(cells), amounts)
        run = Run(cells, amounts, [0] * len(self.gone))
        gone = [self._leave(run, window) for window in range(len(self.gone))]
        if fresh:
            self.fresh.append(run)
            if len(self.fresh) >= _FRESH_RUNS:
                self.fresh = [self.merged(self.fresh)]
        else:
            self.runs.append(run)
        return gone

    def pass_to(self, window: int, threshold: int) -> list[Int64s]:
        """Move a window's threshold up to a pane number; returns the cells that leave, a part from each run."""
        self.thresholds[window] = threshold
        parts = [self._leave(run, window) for run in (*self.fresh, *self.runs)]
        return [part for part in parts if len(part)]

    def window(self, window: int, slots: Int64s) -> Amounts:
        """What is in a window now: [n, columns]."""
        shape = (-1, self.columns)
        return self.total.reshape(shape)[slots] - self.gone[window].reshape(shape)[slots]

    def between(self, window: int, threshold: int) -> Sequence[tuple[Int64s, Amounts]]:
        """Cells still in a window whose pane lies before `threshold`, with amounts."""
        return [
            (run.cells[run.left[window] : end], run.amounts[run.left[window] : end])
            for run in (*self.fresh, *self.runs)
            if (end := _before(run.cells, threshold)) > run.left[window]
        ]

    def take_fresh(self, coarsen: Callable[[Int64s], Int64s]) -> tuple[Int64s, Amounts]:
        """What was added since the last call, as one run, which is kept among the older ones."""
        run = self.merged(self.fresh)
        self.fresh = []
        if len(run.cells):
            self.runs.append(run)
            while len(self.runs) > _FAN_IN and len(self.runs[-_FAN_IN].cells) < _FAN_IN * len(
                self.runs[-1].cells
            ):
                tail, self.runs = self.runs[-_FAN_IN:], self.runs[:-_FAN_IN]
                self.runs.append(self.merged(tail, coarsen))
        return run.cells, run.amounts

    def merged(self, runs: Sequence[Run], coarsen: Callable[[Int64s], Int64s] | None = None) -> Run:
        """One run equal to the sum of `runs`, less what has left every window if it is coarsened."""
        if len(runs) == 1 and coarsen is None:
            return runs[0]
        cells = np.concatenate([run.cells for run in runs]) if runs else np.empty(0, np.int64)
        amounts = np.concatenate([run.amounts for run in runs]) if runs else np.empty(0, self.total.dtype)
        if coarsen is not None:
            needed = cells >= (min(self.thresholds, default=MAX_PANE) << PANE_SHIFT)
            cells, amounts = coarsen(cells[needed]), amounts[needed]
        cells, amounts = sum_run(cells, amounts)
        return Run(cells, amounts, [_before(cells, threshold) for threshold in self.thresholds])

    def keep(self, kept: Int64s, place: Int64s) -> None:
        """Keep only the slots `kept` (ascending); `place[slot]` is the new slot of each, -1 for the others."""
        rows = (kept[:, None] * self.columns + np.arange(self.columns)).ravel()
        self.total = self.total[rows]
        self.gone = [gone[rows] for gone in self.gone]
        for run in (*self.fresh, *self.runs):
            slots = place[slots_of(run.cells)]
            stay = slots >= 0
            cells = run.cells[stay]
            run.cells = pack(cells >> PANE_SHIFT, slots[stay], cells & COLUMN_MASK)
            run.amounts = run.amounts[stay]
            run.left = [_before(run.cells, threshold) for threshold in self.thresholds]

    def erase(self, slots: Int64s, panes: Int64s) -> None:
        """Take out what distinct slots hold in panes up to the one given for each, and all that left every window."""
        self.total.reshape(-1, self.columns)[slots] = 0
        for gone in self.gone:
            gone.reshape(-1, self.columns)[slots] = 0
        upto = np.full(len(self.total) // self.columns, -MAX_PANE - 1)
        upto[slots] = np.maximum(panes, -MAX_PANE)
        for run in (*self.fresh, *self.runs):
            stay = (run.cells >> PANE_SHIFT) > upto[slots_of(run.cells)]
            run.cells, run.amounts = run.cells[stay], run.amounts[stay]
            run.left = [_before(run.cells, threshold) for threshold in self.thresholds]
            mine = np.flatnonzero(upto[slots_of(run.cells)] >= -MAX_PANE)
            np.add.at(self.total, self.flat(run.cells[mine]), run.amounts[mine])
            for window, end in enumerate(run.left):
                gone_by = mine[mine < end]
                np.add.at(self.gone[window], self.flat(run.cells[gone_by]), run.amounts[gone_by])

    def flat(self, cells: Int64s) -> Int64s:
        """Positions of cells in the arrays by slot and column."""
        return slots_of(cells) * self.columns + (cells & COLUMN_MASK)

    def _leave(self, run: Run, window: int) -> Int64s:
        start, end = run.left[window], _before(run.cells, self.thresholds[window])
        if end <= start:
            return run.cells[:0]
        run.left[window] = end
        cells = run.cells[start:end]
        np.add.at(self.gone[window], self.flat(cells), run.amounts[start:end])
        return cells


def _before(cells: Int64s, threshold: int) -> int:
    if not len(cells) or cells[0] >> PANE_SHIFT >= threshold:
        return 0
    return int(np.searchsorted(cells, threshold << PANE_SHIFT))


def _grown(array: Amounts, size: int) -> Amounts:
    grown = np.zeros(size, array.dtype)
    grown[: len(array)] = array
    return grown
