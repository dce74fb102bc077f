"""Bloom filters of posts: 4,096 bits and four hashes, the layout of `seen:{<user>}:<day>`."""

import numpy as np
import numpy.typing as npt

from operators.murmur3 import murmur3
from schemas.frame import Int64s

BITS = 4096
HASHES = 4
BYTES = BITS // 8

Int32s = npt.NDArray[np.int32]
Bitmaps = npt.NDArray[np.uint8]

_HALF_BITS = 12
_HALF = BITS - 1


def marks(ids: Int64s) -> Int32s:
    """What decides the bits of each id: the lowest 12 bits of both halves of its hash, the second above the first.

    Posts with equal marks have equal bits.
    """
    first, second = murmur3(ids)
    low = np.uint64(_HALF)
    return ((first & low) | ((second & low) << np.uint64(_HALF_BITS))).astype(np.int32)


def places(marked: Int32s) -> tuple[Int32s, Bitmaps]:
    """The byte and the bit in it of each hash, [n, 4] each: bit i of an id is (h1 + i h2) mod 4096.

    Bit 0 is the highest of the first byte, as `GETBIT` counts.

    >>> at, bit = places(np.array([5 | 8 << 12], np.int32))
    >>> at.tolist(), bit.tolist()
    ([[0, 1, 2, 3]], [[4, 4, 4, 4]])
    """
    steps = np.arange(HASHES, dtype=np.int32)
    bits = ((marked & _HALF)[:, None] + (marked >> _HALF_BITS)[:, None] * steps) & _HALF
    return bits >> 3, np.right_shift(0x80, bits & 7).astype(np.uint8)


def contains(bitmaps: Bitmaps, ids: Int64s) -> npt.NDArray[np.bool_]:
    """Whether any of the bitmaps, uint8[m, 512], has all bits of each id: bool[n].

    One that has them all may, seldom, have got them from other posts.
    """
    at, bit = places(marks(ids))
    found: npt.NDArray[np.bool_] = ((bitmaps[:, at] & bit) != 0).all(axis=2).any(axis=0)
    return found
