"""Lifetime counts that start again after a long silence, whatever the order of arrival.

The events of a key fall into segments: two neighbours in event time at most `idle_ms` apart share one. A lifetime
is the latest segment. Nearly every key has one segment for ever, so only older segments hold counts of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from schemas.frame import Int64s

FAR = 1 << 61


@dataclass(slots=True)
class Segment:
    """Events of one key from `first_ms` to `last_ms`: counts by column and the sum of dwell."""

    first_ms: int
    last_ms: int
    counts: Int64s
    dwell_ms: int


Counts = Callable[[int], Int64s]
"""What the events of an entry count: by column, and the sum of dwell last."""


class Totals(Protocol):
    """Everything ever counted of a slot: counts by column, and the sum of dwell last."""

    def __getitem__(self, slot: int) -> Int64s: ...


class Lifetimes:
    """First and last event of the latest segment of each slot, and the older segments of the few that have any.

    With `idle_ms` None no silence is too long, and only the last event is known.
    """

    def __init__(self, idle_ms: int | None, columns: int) -> None:
        self.idle_ms = idle_ms
        self.columns = columns
        self.first: Int64s = np.empty(0, np.int64)
        self.last: Int64s = np.empty(0, np.int64)
        self.older: dict[int, list[Segment]] = {}

    def grow(self, slots: int) -> None:
        """Make room for `slots` slots."""
        self.first = np.concatenate((self.first, np.full(slots - len(self.first), FAR)))
        self.last = np.concatenate((self.last, np.full(slots - len(self.last), -FAR)))

    def extend(
        self, slots: Int64s, first_ms: Int64s, last_ms: Int64s, counts: Counts, totals: Totals
    ) -> None:
        """Take in events, some of one segment to an entry: they lie between `first_ms` and `last_ms`.

        `counts` gives what the events of an entry count, `totals` by slot everything before them.
        """
        if self.idle_ms is None:
            np.maximum.at(self.last, slots, last_ms)
            return
        apart = self._apart(slots, first_ms, last_ms, self.idle_ms)
        if len(apart):
            odd = np.isin(slots, apart)
            for slot in apart.tolist():
                mine = np.flatnonzero(slots == slot).tolist()
                entries = [self._segment(int(first_ms[row]), int(last_ms[row]), counts(row)) for row in mine]
                self._place(slot, entries, totals[slot], self.idle_ms)
            slots, first_ms, last_ms = slots[~odd], first_ms[~odd], last_ms[~odd]
        np.minimum.at(self.first, slots, first_ms)
        np.maximum.at(self.last, slots, last_ms)

    def retired(self, slots: Int64s) -> npt.NDArray[np.int64]:
        """What lies in older segments: [n, columns + 1], dwell last."""
        gone = np.zeros((len(slots), self.columns + 1), np.int64)
        for row in np.flatnonzero(np.isin(slots, list(self.older))).tolist():
            for segment in self.older[int(slots[row])]:
                gone[row, :-1] += segment.counts
                gone[row, -1] += segment.dwell_ms
        return gone

    def erase(self, slots: Int64s) -> None:
        """Forget that slots ever had events."""
        self.first[slots], self.last[slots] = FAR, -FAR
        for slot in slots.tolist() if self.older else ():
            self.older.pop(slot, None)

    def keep(self, kept: Int64s) -> None:
        """Keep only the slots `kept`, in this order, as slots 0, 1, ..."""
        self.first, self.last = self.first[kept], self.last[kept]
        if self.older:
            place = {slot: new for new, slot in enumerate(kept.tolist())}
            self.older = {place[slot]: segments for slot, segments in self.older.items() if slot in place}

    def _apart(self, slots: Int64s, first_ms: Int64s, last_ms: Int64s, idle_ms: int) -> Int64s:
        """Slots with events that may begin, join or fall into another segment."""
        known = self.last[slots] > -FAR
        odd = known & ((first_ms > self.last[slots] + idle_ms) | (last_ms < self.first[slots] - idle_ms))
        if self.older:
            odd |= np.isin(slots, list(self.older)) & (first_ms < self.first[slots])
        if len(slots) and int(last_ms.max()) - int(first_ms.min()) > idle_ms:
            odd |= ~known
        return np.unique(slots[odd])

    def _place(self, slot: int, entries: list[Segment], total: Int64s, idle_ms: int) -> None:
        segments = self.older.pop(slot, [])
        if self.last[slot] > -FAR:
            rest = total.copy()
            for segment in segments:
                rest[:-1] -= segment.counts
                rest[-1] -= segment.dwell_ms
            segments = [*segments, self._segment(int(self.first[slot]), int(self.last[slot]), rest)]
        joined = join([*segments, *entries], idle_ms)
        self.first[slot], self.last[slot] = joined[-1].first_ms, joined[-1].last_ms
        if len(joined) > 1:
            self.older[slot] = joined[:-1]

    @staticmethod
    def _segment(first_ms: int, last_ms: int, counts: Int64s) -> Segment:
        return Segment(first_ms, last_ms, counts[:-1], int(counts[-1]))


def join(segments: list[Segment], idle_ms: int) -> list[Segment]:
    """Segments in order of time, those at most `idle_ms` apart made one."""
    joined: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: segment.first_ms):
        if joined and segment.first_ms - joined[-1].last_ms <= idle_ms:
            before = joined[-1]
            before.last_ms = max(before.last_ms, segment.last_ms)
            before.counts = before.counts + segment.counts
            before.dwell_ms += segment.dwell_ms
        else:
            joined.append(segment)
    return joined
