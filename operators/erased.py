"""Who was erased, and up to when: what they did until then never counts again, whenever it is read."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from operators.lifetime import FAR
from schemas.frame import Erasure, Int64s


class Erased:
    """A growing map from id to the latest time of its erasure, ms; as a table it has the columns `key`, `until_ms`.

    >>> erased = Erased()
    >>> erased.add(Erasure(np.array([7, 4, 7]), np.array([100, 50, 90]))).until_ms.tolist()
    [50, 100]
    >>> erased.counts(np.array([7, 7, 4, 9]), np.array([100, 101, 20, 20])).tolist()
    [False, True, False, True]
    """

    def __init__(self, parts: Sequence[pa.Table] = ()) -> None:
        empty = np.empty(0, np.int64)
        self._known = (empty, empty)
        self._fresh: list[Erasure] = []
        if parts:
            saved = merge_erased(parts)
            self._learn(saved["key"].to_numpy(), saved["until_ms"].to_numpy())

    def __len__(self) -> int:
        return len(self._known[0])

    def all(self) -> Erasure:
        """Everybody, in order of id."""
        return Erasure(*self._known)

    def add(self, erasure: Erasure) -> Erasure:
        """Remember an erasure; returns its ids, each once, with the latest time that is known of it."""
        self._learn(erasure.user_ids, erasure.until_ms)
        self._fresh.append(erasure)
        ids = np.unique(erasure.user_ids)
        return Erasure(ids, self.until(ids))

    def until(self, ids: Int64s) -> Int64s:
        """The time up to which each id was erased, ms; long ago where it never was."""
        keys, until_ms = self._known
        if not len(keys):
            return np.full(len(ids), -FAR)
        at = np.minimum(np.searchsorted(keys, ids), len(keys) - 1)
        return np.where(keys[at] == ids, until_ms[at], -FAR)

    def counts(self, ids: Int64s, at_ms: Int64s) -> npt.NDArray[np.bool_]:
        """Whether what each id did at a time counts."""
        keys, until_ms = self._known
        counting = np.ones(len(ids), np.bool_)
        if len(ids) and int(at_ms.min()) <= int(until_ms.max(initial=-FAR)):
            rows = np.flatnonzero(pc.is_in(pa.array(ids), pa.array(keys)).to_numpy(zero_copy_only=False))
            counting[rows] = at_ms[rows] > self.until(ids[rows])
        return counting

    def delta(self) -> pa.Table:
        """What was added since the last call."""
        fresh, self._fresh = self._fresh, []
        ids = [erasure.user_ids for erasure in fresh]
        until_ms = [erasure.until_ms for erasure in fresh]
        return pa.table({"key": _joined(ids), "until_ms": _joined(until_ms)})

    def _learn(self, ids: Int64s, until_ms: Int64s) -> None:
        keys = np.concatenate((self._known[0], ids))
        times = np.concatenate((self._known[1], until_ms))
        order = np.lexsort((times, keys))
        keys, times = keys[order], times[order]
        last = np.flatnonzero(np.append(keys[1:] != keys[:-1], True))
        self._known = (keys[last], times[last])


def merge_erased(parts: Sequence[pa.Table]) -> pa.Table:
    """The latest erasure of each id."""
    rows = pl.concat([pl.DataFrame(pl.from_arrow(part)) for part in parts])
    return rows.group_by("key").agg(pl.col("until_ms").max()).to_arrow()


def _joined(arrays: Sequence[Int64s]) -> Int64s:
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)
