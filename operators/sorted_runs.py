"""Rows by 64-bit key in sorted runs: cheap to append, merged in bulk, looked up by ranges of keys.

Runs of like size are merged with each other, so that a row is copied once a tier (a log-structured merge tree, after
O'Neil et al. 1996).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.frame import Int64s

_FAN_IN = 4

Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Values by key, one array a column, each with an entry a key; `keys` is int64[n]."""

    keys: Int64s
    values: tuple[Values, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, where: Int64s | npt.NDArray[np.bool_]) -> "Rows":
        """Some of the rows."""
        return Rows(self.keys[where], tuple(column[where] for column in self.values))


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts (at least one), one after the other."""
    if len(parts) == 1:
        return parts[0]
    columns = zip(*(part.values for part in parts), strict=True)
    keys = np.concatenate([part.keys for part in parts])
    return Rows(keys, tuple(np.concatenate(column) for column in columns))


class SortedRuns:
    """Sorted runs of rows with distinct keys; rows of one key in several runs add up by `combine`, a ufunc a column.

    `is_needed` says which rows are still asked for; the others go when their run is merged.
    """

    def __init__(
        self,
        combine: Sequence[np.ufunc],
        dtypes: Sequence[npt.DTypeLike],
        is_needed: Callable[[Rows], npt.NDArray[np.bool_]],
    ) -> None:
        self._combine = tuple(combine)
        self._none = Rows(np.empty(0, np.int64), tuple(np.empty(0, dtype) for dtype in dtypes))
        self._is_needed = is_needed
        self._fresh: list[Rows] = []
        self._older: list[Rows] = []

    def add(self, run: Rows, fresh: bool) -> None:
        """Add a run of distinct sorted keys; a `fresh` one is part of what `take_fresh` gives next."""
        runs = self._fresh if fresh else self._older
        runs.append(run)
        self._tidy(runs)

    def take_fresh(self) -> Rows:
        """What is still needed of what was added since the last call, which is kept among the older rows."""
        if not self._fresh:
            return self._none
        run = self._merged(self._fresh)
        self._fresh = []
        if len(run):
            self.add(run, fresh=False)
        return run

    def summed(self, rows: Rows) -> Rows:
        """Rows in any order as a run: sorted, those of one key combined."""
        # This sort merges what is sorted in parts.
        rows = rows.take(np.argsort(rows.keys, kind="stable"))
        first = np.ones(len(rows), np.bool_)
        np.not_equal(rows.keys[1:], rows.keys[:-1], out=first[1:])
        if first.all():
            return rows
        starts = np.flatnonzero(first)
        values = (
            ufunc.reduceat(column, starts, dtype=column.dtype)
            for ufunc, column in zip(self._combine, rows.values, strict=True)
        )
        return Rows(rows.keys[starts], tuple(values))

    def between(self, low: Int64s, high: Int64s) -> tuple[Int64s, Rows]:
        """The rows with low[i] <= key < high[i] for any i: i of each row, and the row; a key may come several times."""
        owners, parts = [np.empty(0, np.int64)], [self._none]
        for run in (*self._older, *self._fresh):
            start, end = np.searchsorted(run.keys, low), np.searchsorted(run.keys, high)
            sizes = end - start
            total = int(sizes.sum())
            if total:
                shift = start - np.concatenate(([0], np.cumsum(sizes)[:-1]))
                owners.append(np.repeat(np.arange(len(low)), sizes))
                parts.append(run.take(np.repeat(shift, sizes) + np.arange(total)))
        return np.concatenate(owners), joined(parts)

    def rewrite(self, change: Callable[[Rows], Rows]) -> None:
        """Put in place of the needed rows of each run what `change` makes of them, in the same order."""
        self._older = [change(self._needed(run)) for run in self._older]
        self._fresh = [change(self._needed(run)) for run in self._fresh]

    def _tidy(self, runs: list[Rows]) -> None:
        while len(runs) >= _FAN_IN and len(runs[-_FAN_IN]) < _FAN_IN * len(runs[-1]):
            runs[-_FAN_IN:] = [self._merged(runs[-_FAN_IN:])]

    def _merged(self, runs: Sequence[Rows]) -> Rows:
        needed = [self._needed(run) for run in runs]
        return needed[0] if len(needed) == 1 else self.summed(joined(needed))

    def _needed(self, run: Rows) -> Rows:
        needed = self._is_needed(run)
        return run if needed.all() else run.take(needed)
