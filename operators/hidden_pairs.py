"""The last thing that each user did to each item: put it out of sight, or took that back."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from operators.lifetime import FAR
from operators.pair_index import PairIndex
from operators.ranking import top
from schemas.frame import Int64s

Bools = npt.NDArray[np.bool_]

_FIRST_SLOTS = 1024

_WORTH_WHILE = 8
"""One part in so many must go before what stays is moved together."""


class HiddenPairs:
    """Pairs of user and item with the time and the place in the log of what was done last, and whether it is `inside`.

    By slot of the `index`; a pair whose time is `-FAR` is not there any more.

    >>> pairs = HiddenPairs()
    >>> one = np.array([7])
    >>> pairs.put(one, np.array([5]), np.array([100]), np.array([1]), np.array([True])).tolist()
    [7]
    >>> pairs.put(one, np.array([5]), np.array([90]), np.array([2]), np.array([False])).tolist()
    []
    >>> [part.tolist() for part in pairs.newest(one, 1000)]
    [[1], [5]]
    """

    def __init__(self) -> None:
        self.index = PairIndex()
        self.at_ms: Int64s = np.full(_FIRST_SLOTS, -FAR)
        self.place: Int64s = np.zeros(_FIRST_SLOTS, np.int64)
        self.inside: Bools = np.zeros(_FIRST_SLOTS, np.bool_)
        self._touched: Bools = np.zeros(_FIRST_SLOTS, np.bool_)

    def put(self, users: Int64s, items: Int64s, at_ms: Int64s, place: Int64s, inside: Bools) -> Int64s:
        """Take in events in any order, the latest of a pair counts; returns the users who have newer ones now.

        Also where nothing comes of them: what they were to a reader before a crash is not known.
        """
        slots = self.index.slots((users, items))
        self._reserve()
        order = np.lexsort((place, at_ms, slots))
        last = order[np.append(slots[order][1:] != slots[order][:-1], True)]
        known, at = self.at_ms[slots[last]], at_ms[last]
        newer = last[(at > known) | ((at == known) & (place[last] > self.place[slots[last]]))]
        slots = slots[newer]
        self.at_ms[slots], self.place[slots], self.inside[slots] = at_ms[newer], place[newer], inside[newer]
        self._touched[slots] = True
        return np.unique(users[newer])

    def newest(self, users: Int64s, most: int) -> tuple[Int64s, Int64s]:
        """What is inside of each of `users` (distinct): `ends` of their items, and the items one after the other.

        At most the `most` newest of each, of equally old ones the lowest.
        """
        lefts = self.index.left.find(users)
        number = np.full(self.index.left.size + 1, -1)
        number[lefts] = np.arange(len(users))
        number[-1] = -1
        slots = np.flatnonzero(self._there() & self.inside[: self.index.size])
        slots = slots[number[self.index.lefts(slots)] >= 0]
        group, items = number[self.index.lefts(slots)], self.index.second(slots)
        best = top(group, self.at_ms[slots], np.zeros(len(slots), np.int64), items, most)
        group, items = group[best], items[best]
        order = np.lexsort((items, group))
        return np.cumsum(np.bincount(group, minlength=len(users))), items[order]

    def users(self) -> Int64s:
        """The users of whom something is inside."""
        slots = np.flatnonzero(self._there() & self.inside[: self.index.size])
        return self.index.left.keys[np.unique(self.index.lefts(slots))]

    def take_out(self, gone: Callable[[Int64s, Int64s, Int64s], Bools]) -> Int64s:
        """Let pairs go where `gone` says so of their users, items and times; returns the users who had them."""
        slots = np.flatnonzero(self._there())
        slots = slots[gone(self.index.first(slots), self.index.second(slots), self.at_ms[slots])]
        self.at_ms[slots] = -FAR
        self._touched[slots] = False
        return np.unique(self.index.first(slots))

    def forget(self, settled: int, most: int, now: bool) -> bool:
        """Let go of what was taken back before `settled`, as nothing earlier can come, and of all but the newest.

        A user keeps the `most` newest. When enough has gathered to make it worth while, or `now`; returns whether.
        """
        there, inside = self._there(), self.inside[: self.index.size]
        kept = there & (inside | (self.at_ms[: self.index.size] >= settled))
        lefts = self.index.lefts(slice(self.index.size))
        if np.bincount(lefts[kept], minlength=1).max() > most:
            slots = np.flatnonzero(kept & inside)
            items, none = self.index.second(slots), np.zeros(len(slots), np.int64)
            kept[slots] = top(lefts[slots], self.at_ms[slots], none, items, most)
        if not now and (self.index.size - np.count_nonzero(kept)) * _WORTH_WHILE <= self.index.size:
            return False
        slots = np.flatnonzero(kept)
        columns = (self.at_ms[slots], self.place[slots], self.inside[slots], self._touched[slots])
        self.index.keep(slots)
        self.at_ms, self.place, self.inside, self._touched = columns
        return True

    def delta(self) -> pa.Table:
        """Pairs with a newer event since the last call."""
        slots = np.flatnonzero(self._touched)
        self._touched[slots] = False
        return pa.table(
            {
                **self.index.columns(slots),
                "at_ms": self.at_ms[slots],
                "place": self.place[slots],
                "inside": self.inside[slots],
            }
        )

    def restore(self, rows: pa.Table) -> None:
        """Take up saved pairs."""
        keys = self.index.of(rows)
        self.put(*keys, *(rows.column(name).to_numpy() for name in ("at_ms", "place", "inside")))
        self._touched[:] = False

    def _there(self) -> Bools:
        return self.at_ms[: self.index.size] > -FAR

    def _reserve(self) -> None:
        more = self.index.size - len(self.at_ms)
        if more > 0:
            more = max(more, len(self.at_ms) // 2)
            self.at_ms = np.concatenate((self.at_ms, np.full(more, -FAR)))
            self.place = np.concatenate((self.place, np.zeros(more, np.int64)))
            self.inside = np.concatenate((self.inside, np.zeros(more, np.bool_)))
            self._touched = np.concatenate((self._touched, np.zeros(more, np.bool_)))


def merge_pairs(parts: Sequence[pa.Table]) -> pa.Table:
    """The latest event of each pair."""
    rows = pl.concat([pl.DataFrame(pl.from_arrow(part)) for part in parts])
    latest = rows.sort("key", "other", "at_ms", "place").unique(
        ("key", "other"), keep="last", maintain_order=True
    )
    return latest.to_arrow()
