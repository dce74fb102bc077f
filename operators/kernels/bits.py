"""Bits of Bloom filters that lie one after the other."""

import numpy as np
import numpy.typing as npt

from operators.bloom import BYTES, Bitmaps, Int32s, places
from schemas.frame import Int64s

Bools = npt.NDArray[np.bool_]


def set_bits(flat: Bitmaps, slots: Int64s, marked: Int32s, due: Bools) -> None:
    """Set the bits of marks in the filters of slots; `due[slot]` becomes true of those that get a new one.

    `flat` holds filters of 512 bytes, slot by slot; `marked` is what `operators.bloom.marks` gives.
    """
    at, bit = places(marked)
    byte = (slots * BYTES)[:, None] + at
    there = flat[byte]
    new = (there & bit) == 0
    due[slots[new.any(axis=1)]] = True
    byte, bit, there = byte[new], bit[new], there[new]
    # Of several bits for one byte the last one is kept, so each round sets at least one more: eight at most.
    while len(byte):
        flat[byte] = there | bit
        there = flat[byte]
        left = np.flatnonzero((there & bit) == 0)
        byte, bit, there = byte[left], bit[left], there[left]
