"""From 64-bit keys to small dense slots, a column at a time."""

from copy import copy

import pyarrow as pa

from operators.kernels import kernels
from schemas.frame import Int64s, column


class KeyIndex:
    """A growing map from int64 key to slot: 0, 1, ... in an order that is nobody's business.

    >>> import numpy as np
    >>> index = KeyIndex()
    >>> slots = index.slots(np.array([70, -5, 70]))
    >>> index.keys[slots].tolist(), index.size
    ([70, -5, 70], 2)
    """

    def __init__(self) -> None:
        self._slots = kernels().slots()

    @property
    def keys(self) -> Int64s:
        """The key of each slot, with room for more beyond `size`."""
        return self._slots.keys

    @property
    def size(self) -> int:
        """How many keys there are."""
        return self._slots.size

    def slots(self, keys: Int64s) -> Int64s:
        """The slot of each key, int64[n]; a key met for the first time gets the next free slot."""
        return self._slots.slots(keys)

    def find(self, keys: Int64s) -> Int64s:
        """The slot of each key, int64[n], and -1 where the key is unknown; may be called from another thread."""
        return self._slots.find(keys)

    def keep(self, kept: Int64s) -> None:
        """Keep only the slots `kept`, in this order, as slots 0, 1, ..."""
        self._slots.keep(kept)

    def copy(self) -> "KeyIndex":
        """Another index with the slots that there are now, which a `keep` of this one does not change."""
        found = KeyIndex()
        found._slots = copy(self._slots)
        return found

    def columns(self, slots: Int64s) -> dict[str, Int64s]:
        """The keys of slots as columns of saved tables."""
        return {"key": self.keys[slots]}

    def of(self, rows: pa.Table) -> Int64s:
        """The keys in such columns."""
        return column(rows, "key")
