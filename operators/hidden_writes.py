"""Whose sets wait to be written, and when each was written last."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from operators.key_index import KeyIndex
from operators.lifetime import FAR
from schemas.frame import Int64s

_FIRST_SLOTS = 1024


class HiddenWrites:
    """Users by slot of an index of their own: when (ms, event time) their set was written, and whether it is due.

    >>> writes = HiddenWrites()
    >>> writes.wait(np.array([7, 8]))
    >>> writes.take(100).tolist()
    [7, 8]
    >>> writes.wait_if_before(np.array([8, 9]), 101)
    >>> writes.take(200).tolist()
    [8]
    """

    def __init__(self) -> None:
        self._index = KeyIndex()
        self._written_ms: Int64s = np.full(_FIRST_SLOTS, -FAR)
        self._due: npt.NDArray[np.bool_] = np.zeros(_FIRST_SLOTS, np.bool_)
        self._touched: npt.NDArray[np.bool_] = np.zeros(_FIRST_SLOTS, np.bool_)
        self._oldest = -FAR

    def wait(self, users: Int64s) -> None:
        """Let the sets of users wait to be written."""
        slots = self._slots(users)
        self._due[slots] = True

    def wait_if_before(self, users: Int64s, before_ms: int) -> None:
        """Let those of `users` wait that were written before a time."""
        if before_ms > self._oldest:
            slots = self._index.find(users)
            slots = slots[slots >= 0]
            self._due[slots[self._written_ms[slots] < before_ms]] = True

    def leave(self, users: Int64s) -> None:
        """Let users not wait any more, and not be written again before they do something."""
        slots = self._index.find(users)
        slots = slots[slots >= 0]
        self._due[slots] = self._touched[slots] = False
        self._written_ms[slots] = FAR

    def take(self, clock: int) -> Int64s:
        """The users who wait, in order; they are written now."""
        slots = np.flatnonzero(self._due)
        self._due[slots] = False
        self._written_ms[slots] = clock
        self._touched[slots] = True
        return np.sort(self._index.keys[slots])

    def forget(self, users: Int64s) -> None:
        """Let go of all users but these, and those who wait."""
        kept = np.zeros(self._index.size, np.bool_)
        slots = self._index.find(users)
        kept[slots[slots >= 0]] = True
        slots = np.flatnonzero(kept | self._due[: self._index.size])
        columns = (self._written_ms[slots], self._due[slots], self._touched[slots])
        self._index.keep(slots)
        self._written_ms, self._due, self._touched = columns

    def delta(self, epoch: int) -> pa.Table:
        """Users who were written since the last call, or wait: `due` is the number of the snapshot at which they do."""
        slots = np.flatnonzero(self._touched | self._due)
        self._touched[slots] = False
        # Nobody is written earlier than this from now on: those who are not known yet will be written later.
        written = self._written_ms[: self._index.size]
        self._oldest = int(written.min(initial=FAR, where=~self._due[: self._index.size]))
        return pa.table(
            {
                "key": self._index.keys[slots],
                "written_ms": self._written_ms[slots],
                "due": np.where(self._due[slots], epoch, 0),
            }
        )

    def restore(self, rows: pa.Table, epoch: int) -> None:
        """Take up saved users, each once, as they were at a snapshot."""
        slots = self._slots(rows.column("key").to_numpy())
        self._written_ms[slots] = rows.column("written_ms").to_numpy()
        self._due[slots] = rows.column("due").to_numpy() == epoch

    def _slots(self, users: Int64s) -> Int64s:
        slots = self._index.slots(users)
        more = self._index.size - len(self._due)
        if more > 0:
            more = max(more, len(self._due) // 2)
            self._written_ms = np.concatenate((self._written_ms, np.full(more, -FAR)))
            self._due = np.concatenate((self._due, np.zeros(more, np.bool_)))
            self._touched = np.concatenate((self._touched, np.zeros(more, np.bool_)))
        return slots


def merge_writes(parts: Sequence[pa.Table]) -> pa.Table:
    """Of each user the last time of a write and the last snapshot at which one was due."""
    rows = pl.concat([pl.DataFrame(pl.from_arrow(part)) for part in parts])
    return rows.group_by("key").agg(pl.col("written_ms").max(), pl.col("due").max()).to_arrow()
