"""MurmurHash3, the x64 variant of 128 bits with seed 0, of a column of ids."""

import numpy as np
import numpy.typing as npt

from schemas.frame import Int64s

UInt64s = npt.NDArray[np.uint64]

_C1 = np.uint64(0x87C37B91114253D5)
_C2 = np.uint64(0x4CF5AD432745937F)
_F1 = np.uint64(0xFF51AFD7ED558CCD)
_F2 = np.uint64(0xC4CEB9FE1A85EC53)
_LENGTH = np.uint64(8)


def murmur3(ids: Int64s) -> tuple[UInt64s, UInt64s]:
    """Both halves of the hash of each id as 8 bytes, little-endian: uint64[n] each.

    `MurmurHash3_x64_128` of Austin Appleby's SMHasher, for a key of 8 bytes: no whole block, a tail of 8.

    >>> [int(half[0]) for half in murmur3(np.array([7]))]
    [3522142095546486706, 1044396514027204181]
    """
    tail = ids.view(np.uint64) * _C1
    first = (_rotated(tail, 31) * _C2) ^ _LENGTH
    first += _LENGTH
    second = first + _LENGTH
    first, second = _mixed(first), _mixed(second)
    first += second
    return first, second + first


def _rotated(values: UInt64s, bits: int) -> UInt64s:
    return (values << np.uint64(bits)) | (values >> np.uint64(64 - bits))


def _mixed(values: UInt64s) -> UInt64s:
    """The finalizer: every bit of the input may change every bit of the result."""
    for factor in (_F1, _F2):
        values = (values ^ (values >> np.uint64(33))) * factor
    return values ^ (values >> np.uint64(33))
