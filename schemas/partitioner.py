"""Which partition an id belongs to: the rule of Java's default Kafka partitioner for a `Long` key.

`partition = (murmur2(id as 8 bytes, big-endian) & 0x7fffffff) mod n`. librdkafka does the same with
`partitioner=murmur2` and that 8-byte key. Murmur2 is Austin Appleby's; constants and seed are Kafka's.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

_SEED: Final = np.uint32(0x9747B28C ^ 8)  # the seed is mixed with the length of the key, always 8
_M: Final = np.uint32(0x5BD1E995)
_POSITIVE: Final = np.uint32(0x7FFFFFFF)

TEST_VECTORS: Final[tuple[tuple[int, int], ...]] = (
    (0, 0xE0D75103),
    (1, 0x7D32DFAC),
    (-1, 0x0B1560BD),
    (2, 0x473DF084),
    (42, 0x1E361FC0),
    (1_000, 0x8C82FCDB),
    (123_456_789, 0xF6729340),
    (7_000_000_000, 0x2FE6F667),
    (-(2**63), 0x4CEEAA78),
    (2**63 - 1, 0xB649A4C8),
)
"""(id, murmur2 of its key as an unsigned 32-bit number) for whoever writes a producer."""


def murmur2(ids: Int64s) -> npt.NDArray[np.uint32]:
    """Kafka's murmur2 of each id's 8-byte key, as unsigned 32-bit numbers."""
    words = np.ascontiguousarray(ids, dtype=np.int64).view(np.uint64)
    hashes = np.full(len(words), _SEED)
    for shift in (np.uint64(32), np.uint64(0)):  # murmur2 reads little-endian words of a big-endian key
        k = (words >> shift).astype(np.uint32).byteswap(inplace=False)
        k *= _M
        k ^= k >> np.uint32(24)
        k *= _M
        hashes *= _M
        hashes ^= k
    hashes ^= hashes >> np.uint32(13)
    hashes *= _M
    hashes ^= hashes >> np.uint32(15)
    return hashes


def partition_of(ids: Int64s, partitions: int) -> Int32s:
    """The partition of each id, from 0 to `partitions` - 1.

    >>> partition_of(np.array([0, 1, -1, 7_000_000_000]), 64).tolist()
    [3, 44, 61, 39]
    """
    if partitions < 1:
        raise ValueError(f"a topic has at least one partition, not {partitions}")
    places: Int32s = ((murmur2(ids) & _POSITIVE) % np.uint32(partitions)).astype(np.int32)
    return places


def key_bytes(ids: Int64s | Sequence[int]) -> list[bytes]:
    """The 8-byte big-endian key of each id, as a producer must send it."""
    joined = np.asarray(ids, dtype=np.int64).astype(">i8").tobytes()
    return [joined[start : start + 8] for start in range(0, len(joined), 8)]
