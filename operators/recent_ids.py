"""Event ids accepted lately, each with the event time of its latest acceptance."""

import numpy as np
import numpy.typing as npt

from operators.kernels import kernels
from schemas.frame import Int64s

NEVER = -(1 << 61)

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_LOAD = 8
_FAN_IN = 8


class RecentIds:
    """A set of ids in sorted runs behind a filter of one byte a slot (a one-hash Bloom filter, load 1/8 at most).

    Most ids are new and the filter says so at once; only the few that it can't exclude are searched for.

    >>> ids = RecentIds()
    >>> ids.add(np.array([7, 8]), np.array([100, 200]))
    >>> ids.latest(np.array([8, 9])).tolist() == [200, NEVER]
    True
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Int64s, Int64s]] = []
        self._filter = np.zeros(1 << 12, np.bool_)
        self._shift = np.uint64(64 - 12)
        self._added = 0
        self._forgotten = NEVER

    def latest(self, ids: Int64s) -> Int64s:
        """The largest event time that was added with each id, int64[n]; `NEVER` where there is none."""
        found = np.full(len(ids), NEVER)
        maybe = np.flatnonzero(self._filter[self._hash(ids)])
        if len(maybe):
            asked = ids[maybe]
            best = found[maybe]
            for known, at_ms in self._runs:
                at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
                best = np.where(known[at] == asked, np.maximum(best, at_ms[at]), best)
            found[maybe] = best
        return found

    def add(self, ids: Int64s, at_ms: Int64s) -> None:
        """Add accepted ids with their event times, ms."""
        if not len(ids):
            return
        self._runs.append(_sorted(ids, at_ms))
        while len(self._runs) >= _FAN_IN and len(self._runs[-_FAN_IN][0]) < _FAN_IN * len(self._runs[-1][0]):
            tail, self._runs = self._runs[-_FAN_IN:], self._runs[:-_FAN_IN]
            self._runs.append(self._merged(tail))
        self._added += len(ids)
        if self._added * _LOAD > len(self._filter):
            self._rebuild()
        else:
            self._filter[self._hash(ids)] = True

    def forget(self, before_ms: int) -> None:
        """Ids added with a time up to `before_ms` are not asked for any more; their memory goes at the next merge."""
        self._forgotten = max(self._forgotten, before_ms)

    def _rebuild(self) -> None:
        self._runs = [self._merged(self._runs)]
        kept = len(self._runs[0][0])
        bits = max(12, (kept * 2 * _LOAD - 1).bit_length())
        self._filter = np.zeros(1 << bits, np.bool_)
        self._shift = np.uint64(64 - bits)
        self._filter[self._hash(self._runs[0][0])] = True
        self._added = kept

    def _hash(self, ids: Int64s) -> npt.NDArray[np.uint64]:
        return (ids.view(np.uint64) * _SPREAD) >> self._shift

    def _merged(self, runs: list[tuple[Int64s, Int64s]]) -> tuple[Int64s, Int64s]:
        ids = np.concatenate([ids for ids, _ in runs])
        at_ms = np.concatenate([at_ms for _, at_ms in runs])
        needed = at_ms > self._forgotten
        return _sorted(ids[needed], at_ms[needed]) if needed.any() else (ids[:1], at_ms[:1])


def _sorted(ids: Int64s, at_ms: Int64s) -> tuple[Int64s, Int64s]:
    """Ids in order, each once, with its largest time."""
    order = kernels().order(ids)
    ids, at_ms = ids[order], at_ms[order]
    starts = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
    return ids[starts], np.maximum.reduceat(at_ms, starts)
