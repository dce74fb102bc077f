"""Bits of Bloom filters, one after the other."""

from numba import types

from operators.bloom import BITS, BYTES, HASHES, Bitmaps, Int32s
from operators.kernels.bits import Bools
from operators.kernels.compiler import compiled, reads, writes
from schemas.frame import Int64s


def set_bits(flat: Bitmaps, slots: Int64s, marked: Int32s, due: Bools) -> None:
    """As `operators.kernels.bits.set_bits`."""
    _set_bits(flat, slots, marked, due)


@compiled(types.void(writes(types.uint8), reads(types.int64), reads(types.int32), writes(types.boolean)))
def _set_bits(flat: Bitmaps, slots: Int64s, marked: Int32s, due: Bools) -> None:
    for row in range(len(slots)):
        slot = slots[row]
        bit = marked[row] % BITS
        step = marked[row] // BITS
        for _ in range(HASHES):
            byte = slot * BYTES + bit // 8
            mask = 0x80 >> (bit % 8)
            if not flat[byte] & mask:
                flat[byte] |= mask
                due[slot] = True
            bit = (bit + step) % BITS
