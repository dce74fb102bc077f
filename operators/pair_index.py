"""From pairs of keys to small dense slots, a column at a time: exact, whatever the keys are."""

from typing import Any

import numpy as np
import pyarrow as pa

from operators.key_index import KeyIndex
from operators.name_index import NameIndex
from schemas.frame import Int64s, column

CODE_BITS = 32
_CODE_MASK = (1 << CODE_BITS) - 1


class PairIndex:
    """A growing map from (int64, int64) to slot, in the manner of `KeyIndex`.

    Each side has an index of its own, whose slots (below 2^31) make one number of a pair: `keys` has them by slot.

    >>> index = PairIndex()
    >>> slots = index.slots((np.array([7, 7, 8]), np.array([1, 2, 1])))
    >>> index.find((np.array([7, 8]), np.array([2, 2]))).tolist() == [slots[1], -1]
    True
    """

    other = "other"
    """The column of saved tables that has the second key; `key` has the first."""

    def __init__(self) -> None:
        self._parts: tuple[KeyIndex, Any, KeyIndex] = (KeyIndex(), self._other_keys(), KeyIndex())

    @property
    def left(self) -> KeyIndex:
        """The first keys."""
        return self._parts[0]

    @property
    def right(self) -> Any:
        """The second keys."""
        return self._parts[1]

    @property
    def size(self) -> int:
        """How many pairs there are."""
        return self._parts[2].size

    @property
    def keys(self) -> Int64s:
        """Of each slot the slots of its two keys, as one number."""
        return self._parts[2].keys

    def slots(self, keys: tuple[Int64s, Any]) -> Int64s:
        """The slot of each pair, int64[n]; a pair met for the first time gets the next free slot."""
        left, right, pairs = self._parts
        return pairs.slots(left.slots(keys[0]) << CODE_BITS | right.slots(keys[1]))

    def find(self, keys: tuple[Int64s, Any]) -> Int64s:
        """The slot of each pair, int64[n], and -1 where the pair is unknown; may be called from another thread."""
        left, right, pairs = self._parts
        lefts, rights = left.find(keys[0]), right.find(keys[1])
        return pairs.find(np.where((lefts < 0) | (rights < 0), -1, lefts << CODE_BITS | rights))

    def keep(self, kept: Int64s) -> None:
        """Keep only the slots `kept`, in this order, as slots 0, 1, ..., and only the keys that they have."""
        left, lefts = np.unique(self.lefts(kept), return_inverse=True)
        right, rights = np.unique(self.rights(kept), return_inverse=True)
        pairs = KeyIndex()
        pairs.keep(pairs.slots(lefts << CODE_BITS | rights))
        self._parts = (_kept(KeyIndex(), self.left.keys[left]), self._kept_others(right), pairs)

    def lefts(self, slots: Int64s | slice) -> Int64s:
        """The slot in `left` of the first key of each pair."""
        found: Int64s = self.keys[slots] >> CODE_BITS
        return found

    def rights(self, slots: Int64s | slice) -> Int64s:
        """The slot in `right` of the second key of each pair."""
        found: Int64s = self.keys[slots] & _CODE_MASK
        return found

    def first(self, slots: Int64s) -> Int64s:
        """The first key of each slot."""
        return self.left.keys[self.lefts(slots)]

    def second(self, slots: Int64s) -> Any:
        """The second key of each slot, int64[n]."""
        return self.right.keys[self.keys[slots] & _CODE_MASK]

    def order(self, slots: Int64s) -> Int64s:
        """A number for each slot that is in the order of the second keys."""
        found: Int64s = self.second(slots)
        return found

    def columns(self, slots: Int64s) -> dict[str, Any]:
        """The keys of slots as columns of saved tables."""
        return {"key": self.first(slots), self.other: self.second(slots)}

    def of(self, rows: pa.Table) -> tuple[Int64s, Any]:
        """The pairs in such columns."""
        return column(rows, "key"), column(rows, self.other)

    def _other_keys(self) -> Any:
        return KeyIndex()

    def _kept_others(self, kept: Int64s) -> Any:
        """The second keys anew, with only the slots `kept`."""
        return _kept(KeyIndex(), self.right.keys[kept])


class NamedPairIndex(PairIndex):
    """The same from (int64, text) to slot; texts are pyarrow arrays."""

    other = "name"

    def second(self, slots: Int64s) -> pa.Array:
        """The text of each slot."""
        codes = pa.array(self.keys[slots] & _CODE_MASK, pa.int32())
        return pa.DictionaryArray.from_arrays(codes, pa.array(self.right.names, pa.string())).cast(
            pa.string()
        )

    def order(self, slots: Int64s) -> Int64s:
        """A number for each slot that is in the order of the texts' code points."""
        names = self.right.names
        place = np.empty(len(names), np.int64)
        place[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
        return place[self.rights(slots)]

    def of(self, rows: pa.Table) -> tuple[Int64s, pa.Array]:
        """The pairs in the columns of a saved table."""
        return column(rows, "key"), rows.column(self.other).combine_chunks()

    def _other_keys(self) -> NameIndex:
        return NameIndex()

    def _kept_others(self, kept: Int64s) -> NameIndex:
        names = NameIndex()
        names.slots(pa.array([self.right.names[slot] for slot in kept.tolist()], pa.string()))
        return names


def _kept(index: KeyIndex, keys: Int64s) -> KeyIndex:
    """The index with the distinct `keys` in their order."""
    index.keep(index.slots(keys))
    return index
