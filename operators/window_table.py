"""All windows of one kind of key: what is in them, as of when, and which keys have changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from operators.groups import Groups
from operators.key_index import KeyIndex
from operators.ledger import (
    COLUMN_MASK,
    MAX_PANE,
    PANE_SHIFT,
    Amounts,
    Ledger,
    count_run,
    pack,
    slots_of,
    sum_run,
)
from operators.lifetime import FAR, Lifetimes
from schemas.frame import Int64s

_DAY_MS = 86_400_000
_FORGET_SHARE = 4
_FEW = 1024

EVENT, EXPIRY, TRAILING = 3, 2, 1
"""Why a key waits to be written: an event came, a pane left a window, or one of an hour or more did, which many keys
lose at the same instant: these may trail by minutes."""

LONG_PANE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window: its length and its pane in ms; a pane leaves it whole.

    A window that is not `shown` changes no vector when a pane leaves it.
    """

    name: str
    length_ms: int
    pane_ms: int
    shown: bool = True

    def start(self, t: int) -> int:
        """The earliest event time that the window holds as of `t`."""
        return (t - self.length_ms) // self.pane_ms * self.pane_ms


class Index(Protocol):
    """A growing map from keys to slots, such as `KeyIndex`; `columns` and `of` say how keys are saved."""

    @property
    def size(self) -> int:
        """How many keys there are."""

    @property
    def keys(self) -> Int64s:
        """What stands for the key of each slot."""

    def slots(self, keys: Any) -> Int64s:
        """The slot of each key; a key met for the first time gets the next free slot."""

    def find(self, keys: Any) -> Int64s:
        """The slot of each key, and -1 where the key is unknown."""

    def keep(self, kept: Int64s) -> None:
        """Keep only the slots `kept`, in this order, as slots 0, 1, ..."""

    def columns(self, slots: Int64s) -> dict[str, Any]:
        """The keys of slots as columns of saved tables."""

    def of(self, rows: pa.Table) -> Any:
        """The keys in such columns."""


def finest_pane(windows: Sequence[Window]) -> int:
    """The pane that events are counted in, ms: that of the shortest window, a day where there is none."""
    return windows[0].pane_ms if windows else _DAY_MS


class WindowTable:
    """Counts of one kind of key over its windows, and over its lifetime.

    `windows` must be in order of length and their panes multiples of the first one's; a lifetime ends with a silence
    of more than `idle_ms`, None where no lifetime is asked for. Times are ms. The clock of a
    table is the largest time that it was told to pass to: panes that end a window's length before it have left.
    Keys are what `index` takes, 64-bit numbers unless one is given.
    """

    def __init__(
        self, windows: Sequence[Window], columns: int, idle_ms: int | None, index: Index | None = None
    ) -> None:
        self.windows = tuple(windows)
        self.pane_ms = finest_pane(self.windows)
        self.index: Index = KeyIndex() if index is None else index
        self.counts = Ledger(columns, len(self.windows), np.uint32)
        self.dwell = Ledger(1, len(self.windows), np.int64)
        self.lives = Lifetimes(idle_ms, columns)
        self.clock = -FAR
        self.capacity = 0
        self.last_exit: Int64s = np.empty(0, np.int64)
        self.due = np.empty(0, np.uint8)
        self.touched = np.empty(0, np.bool_)

    def add(self, keys: Any, at_ms: Int64s, columns: Int64s, dwells: Int64s, dwell_ms: Int64s) -> None:
        """Count events: key, time and column of each; `dwells` are the rows that carry the dwells `dwell_ms`."""
        slots = self.slots(keys)

        def counted(row: int) -> Int64s:
            one = np.zeros(self.counts.columns + 1, np.int64)
            one[columns[row]] = 1
            one[-1] = dwell_ms[dwells == row].sum()
            return one

        self.lives.extend(slots, at_ms, at_ms, counted, _Totals(self.counts, self.dwell))
        panes = at_ms // self.pane_ms
        cells, amounts = count_run(pack(panes, slots, columns), np.uint32)
        dwell_run = sum_run(pack(panes[dwells], slots[dwells], 0), dwell_ms)
        self._count(slots, (cells, amounts), dwell_run)

    def add_groups(self, keys: Any, groups: Groups) -> None:
        """Count events that were added up by key, pane and column; `keys` has one entry a row of `groups`.

        Their panes are those of this table.
        """
        slots = self.slots(keys)

        def counted(row: int) -> Int64s:
            return groups.counts(row, self.counts.columns)

        self.lives.extend(slots, groups.first_ms, groups.last_ms, counted, _Totals(self.counts, self.dwell))
        cells, dwell_cells = groups.placed(slots)
        self._count(slots, (cells, groups.amounts), (dwell_cells, groups.dwell_ms))

    def pass_to(self, t: int) -> None:
        """Let time pass to `t`: panes leave the windows, and their keys are due to be written."""
        if t <= self.clock:
            return
        self.clock = t
        for number, window in enumerate(self.windows):
            threshold = self.threshold(window, t)
            if threshold > self.counts.thresholds[number]:
                self.dwell.pass_to(number, threshold)
                for gone in self.counts.pass_to(number, threshold):
                    self._exit(window, gone)

    def threshold(self, window: Window, t: int) -> int:
        """The number of the first pane that a window holds as of `t`."""
        return max(window.start(t) // self.pane_ms, -MAX_PANE)

    def take_due(self, kind: int) -> Int64s:
        """Slots that wait for the given reason, which then wait no longer."""
        slots = np.flatnonzero(self.due == kind)
        self.due[slots] = 0
        return slots

    def take_trailing(self, least: int, share: float) -> Int64s:
        """Some of the slots that may trail, `share` of them but at least `least`, which then wait no longer."""
        waiting = np.flatnonzero(self.due == TRAILING)
        slots = waiting[: max(least, math.ceil(len(waiting) * share))]
        self.due[slots] = 0
        self.touched[slots] = True
        return slots

    def write_again(self) -> None:
        """Let every key wait to be written again where it is still there."""
        known = np.flatnonzero(self.lives.last[: self.index.size] > -FAR)
        self.due[known] = np.maximum(self.due[known], TRAILING)
        self.touched[known] = True

    def write_all(self, since_ms: int) -> None:
        """Let every key with an event from `since_ms` on wait to be written again, even if it has gone there."""
        size = self.index.size
        self.due[:size][self.lives.last[:size] >= max(since_ms, 1 - FAR)] = EVENT

    def as_of(self, slots: Int64s) -> Int64s:
        """The time as of which each slot's windows are, ms: its last event, or the last instant a pane left."""
        return np.maximum(self.lives.last[slots], self.last_exit[slots])

    def window_counts(self, window: int, slots: Int64s) -> tuple[npt.NDArray[np.float64], Int64s]:
        """Counts by column, float64 [columns, n], and sums of dwell in ms, int64[n], as of each slot's own time."""
        counts = self.counts.window(window, slots).T.astype(np.float64, order="C")
        dwell = self.dwell.window(window, slots)[:, 0]
        ahead = np.flatnonzero(self.lives.last[slots] > self.clock)
        if len(ahead):
            self._leave_early(window, slots, ahead, counts, dwell)
        return counts, dwell

    def lifetime_counts(self, slots: Int64s) -> tuple[npt.NDArray[np.float64], Int64s]:
        """Counts by column and sums of dwell of each slot's lifetime, shaped as those of a window."""
        total = self.counts.total.reshape(-1, self.counts.columns)[slots].T.astype(np.float64, order="C")
        dwell = self.dwell.total[slots]
        if self.lives.older:
            retired = self.lives.retired(slots)
            return total - retired[:, :-1].T, dwell - retired[:, -1]
        return total, dwell

    def slots(self, keys: Any) -> Int64s:
        """The slots of keys, with room made for new ones."""
        slots = self.index.slots(keys)
        if self.index.size > self.capacity:
            self.grow(max(self.index.size, self.capacity * 3 // 2, 1024))
        return slots

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` slots."""
        more = capacity - self.capacity
        self.counts.grow(capacity)
        self.dwell.grow(capacity)
        self.lives.grow(capacity)
        self.last_exit = np.concatenate((self.last_exit, np.full(more, -FAR)))
        self.due = np.concatenate((self.due, np.zeros(more, np.uint8)))
        self.touched = np.concatenate((self.touched, np.zeros(more, np.bool_)))
        self.capacity = capacity

    def forget(self, before_ms: int) -> Int64s | None:
        """Let go of keys that are over, if they are many: no event from `before_ms` on can change what they were.

        Their vectors stay where they were written. Returns the slots that stay, as slots 0, 1, ... from now on;
        None if all do.
        """
        size = self.index.size
        longest = self.windows[-1].length_ms + 2 * self.windows[-1].pane_ms if self.windows else 0
        over = max(longest, self.lives.idle_ms or 0)
        alive = (self.lives.last[:size] + over >= min(before_ms, self.clock)) | (self.due[:size] > 0)
        kept = np.flatnonzero(alive)
        if (size - len(kept)) * _FORGET_SHARE < max(size, _FEW):
            return None
        place = np.full(self.capacity, -1)
        place[kept] = np.arange(len(kept))
        self.index.keep(kept)
        self.counts.keep(kept, place)
        self.dwell.keep(kept, place)
        self.lives.keep(kept)
        self.last_exit, self.due, self.touched = self.last_exit[kept], self.due[kept], self.touched[kept]
        self.capacity = len(kept)
        return kept

    def erase(self, slots: Int64s, until_ms: Int64s) -> Int64s:
        """Take out what distinct slots counted in panes up to the one of `until_ms`, one entry each.

        Returns the positions in `slots` of those with a later event, which stay as of the time that they were as of;
        the others are as if never met.
        """
        panes = until_ms // self.pane_ms
        self.counts.erase(slots, panes)
        self.dwell.erase(slots, panes)
        over = self.lives.last[slots] <= until_ms
        self.lives.erase(slots[over])
        left = np.flatnonzero(~over)
        self.last_exit[slots[over]] = -FAR
        self.due[slots[over]], self.touched[slots[over]] = 0, False
        self.due[slots[left]], self.touched[slots[left]] = np.maximum(self.due[slots[left]], EXPIRY), True
        return left

    def coarsen(self, cells: Int64s) -> Int64s:
        """Cells whose pane has left every window of finer panes, moved to the start of the coarser pane."""
        for number, window in enumerate(self.windows[1:], start=1):
            if window.pane_ms > self.windows[number - 1].pane_ms:
                finer = min(self.counts.thresholds[:number])
                old = np.flatnonzero(cells < (finer << PANE_SHIFT))
                step = window.pane_ms // self.pane_ms
                panes = cells[old] >> PANE_SHIFT
                cells[old] -= (panes % step) << PANE_SHIFT
        return cells

    def _count(self, slots: Int64s, counts: tuple[Int64s, Amounts], dwell: tuple[Int64s, Amounts]) -> None:
        for window, gone in zip(self.windows, self.counts.add(*counts, fresh=True), strict=True):
            self._exit(window, gone)
        if len(dwell[0]):
            self.dwell.add(*dwell, fresh=True)
        self.due[slots] = EVENT
        self.touched[slots] = True

    def _exit(self, window: Window, cells: Int64s) -> None:
        if not len(cells) or not window.shown:
            return
        slots = slots_of(cells)
        starts = (cells >> PANE_SHIFT) * self.pane_ms
        instants = starts // window.pane_ms * window.pane_ms + window.pane_ms + window.length_ms
        np.maximum.at(self.last_exit, slots, instants)
        kind = EXPIRY if window.pane_ms < LONG_PANE_MS else TRAILING
        self.due[slots] = np.maximum(self.due[slots], kind)
        self.touched[slots] = True

    def _leave_early(
        self, window: int, slots: Int64s, ahead: Int64s, counts: npt.NDArray[np.float64], dwell: Int64s
    ) -> None:
        """Take out panes that have left a window as of an event that lies ahead of the clock."""
        by_slot = np.argsort(slots[ahead])
        rows = ahead[by_slot]
        ranked = slots[rows]
        shape = self.windows[window]
        limits = np.array([self.threshold(shape, int(t)) for t in self.lives.last[ranked]])
        for ledger in (self.counts, self.dwell):
            for cells, amounts in ledger.between(window, int(limits.max())):
                at = np.minimum(np.searchsorted(ranked, slots_of(cells)), len(ranked) - 1)
                gone = np.flatnonzero((ranked[at] == slots_of(cells)) & (cells >> PANE_SHIFT < limits[at]))
                if ledger is self.counts:
                    np.subtract.at(counts, (cells[gone] & COLUMN_MASK, rows[at[gone]]), amounts[gone])
                else:
                    np.subtract.at(dwell, rows[at[gone]], amounts[gone])


class _Totals:
    """Totals of a slot with its dwell last, looked up only where a lifetime is split."""

    def __init__(self, counts: Ledger, dwell: Ledger) -> None:
        self.counts = counts
        self.dwell = dwell

    def __getitem__(self, slot: int) -> Int64s:
        columns = self.counts.columns
        counts = self.counts.total[slot * columns : (slot + 1) * columns].astype(np.int64)
        return np.append(counts, self.dwell.total[slot])
