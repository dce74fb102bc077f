"""From text to small dense slots, a column at a time."""

import numpy as np
import pyarrow as pa

from schemas.frame import Int64s


class NameIndex:
    """A growing map from text to slot, in the manner of `KeyIndex`, for some thousands of distinct texts.

    >>> index = NameIndex()
    >>> index.slots(pa.array(["video", "text", "video"])).tolist(), index.names
    ([0, 1, 0], ['video', 'text'])
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._slots: dict[str, int] = {}

    def slots(self, keys: pa.Array) -> Int64s:
        """The slot of each text, int64[n], none of them null; a text met for the first time gets the next free slot."""
        encoded = keys.dictionary_encode()
        for name in encoded.dictionary.to_pylist():
            if name not in self._slots:
                self._slots[name] = len(self.names)
                self.names.append(name)
        return self._found(encoded)

    def find(self, keys: pa.Array) -> Int64s:
        """The slot of each text, int64[n], and -1 where it is unknown."""
        return self._found(keys.dictionary_encode())

    def _found(self, encoded: pa.DictionaryArray) -> Int64s:
        slots = [self._slots.get(name, -1) for name in encoded.dictionary.to_pylist()]
        found: Int64s = np.array(slots, np.int64)[encoded.indices.to_numpy()]
        return found
