"""Slots of 64-bit keys in two sorted runs, the small one for new keys."""

import numpy as np
import pyarrow as pa

from schemas.frame import Int64s

_MERGE_SHARE = 8


class SortedSlots:
    """A growing map from int64 key to slot; `keys` holds the key of each slot up to `size`, and room for more.

    The small run is merged into the large one when it reaches an eighth of it, so that a lookup stays two binary
    searches over sorted queries.
    """

    def __init__(self) -> None:
        empty = np.empty(0, np.int64)
        self._large = (empty, empty)
        self._small = (empty, empty)
        self.keys: Int64s = np.empty(1024, np.int64)
        self.size = 0

    def slots(self, keys: Int64s) -> Int64s:
        """The slot of each key, int64[n]; a key met for the first time gets the next free slot."""
        encoded = pa.array(keys).dictionary_encode()
        distinct: Int64s = encoded.dictionary.to_numpy()
        order = np.argsort(distinct)
        found = np.empty(len(distinct), np.int64)
        found[order] = self._of_sorted(distinct[order])
        slots: Int64s = found[encoded.indices.to_numpy()]
        return slots

    def find(self, keys: Int64s) -> Int64s:
        """The slot of each key, int64[n], and -1 where the key is unknown."""
        order = np.argsort(keys)
        ranked = keys[order]
        slots = np.empty(len(keys), np.int64)
        slots[order] = _search(self._small, ranked, _search(self._large, ranked, None))
        return slots

    def keep(self, kept: Int64s) -> None:
        """Keep only the slots `kept`, in this order, as slots 0, 1, ..."""
        keys = self.keys[kept]
        order = np.argsort(keys)
        self._large = (keys[order], order)
        self._small = (order[:0], order[:0])
        self.keys, self.size = keys, len(keys)

    def _of_sorted(self, keys: Int64s) -> Int64s:
        slots = _search(self._small, keys, _search(self._large, keys, None))
        new = np.flatnonzero(slots < 0)
        if len(new):
            slots[new] = np.arange(self.size, self.size + len(new))
            self._append(keys[new], slots[new])
        return slots

    def _append(self, keys: Int64s, slots: Int64s) -> None:
        end = self.size + len(keys)
        if end > len(self.keys):
            grown = np.empty(max(end, len(self.keys) * 3 // 2), np.int64)
            grown[: self.size] = self.keys[: self.size]
            self.keys = grown
        self.keys[self.size : end] = keys
        self.size = end
        self._small = _union(self._small, (keys, slots))
        if len(self._small[0]) * _MERGE_SHARE > len(self._large[0]):
            self._large = _union(self._large, self._small)
            self._small = (np.empty(0, np.int64), np.empty(0, np.int64))


def _search(run: tuple[Int64s, Int64s], keys: Int64s, known: Int64s | None) -> Int64s:
    slots = np.full(len(keys), -1, np.int64) if known is None else known
    if len(run[0]):
        at = np.minimum(np.searchsorted(run[0], keys), len(run[0]) - 1)
        hit = run[0][at] == keys
        slots[hit] = run[1][at[hit]]
    return slots


def _union(left: tuple[Int64s, Int64s], right: tuple[Int64s, Int64s]) -> tuple[Int64s, Int64s]:
    keys = np.concatenate((left[0], right[0]))
    order = np.argsort(keys, kind="stable")
    return keys[order], np.concatenate((left[1], right[1]))[order]
