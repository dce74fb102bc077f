"""The seen filter bit by bit, in plain Python."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Bits = dict[tuple[int, int], set[int]]

DAY_MS = 86_400_000
_MASK = (1 << 64) - 1


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _mixed(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & _MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33


def murmur3(data: bytes) -> tuple[int, int]:
    """MurmurHash3_x64_128 with seed 0 of at most 8 bytes."""
    h1 = h2 = 0
    k1 = int.from_bytes(data, "little") * 0x87C37B91114253D5 & _MASK
    h1 ^= _rotated(k1, 31) * 0x4CF5AD432745937F & _MASK
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = h1 + h2 & _MASK
    h2 = h2 + h1 & _MASK
    h1, h2 = _mixed(h1), _mixed(h2)
    h1 = h1 + h2 & _MASK
    return h1, h2 + h1 & _MASK


def bits_of(post: int) -> list[int]:
    """The four bits of a post."""
    h1, h2 = murmur3(post.to_bytes(8, "little", signed=True))
    return [(h1 + i * h2 & _MASK) % 4096 for i in range(4)]


def seen(events: Iterable[dict[str, Any]], erased: dict[int, int] | None = None) -> Bits:
    """The bits of each user and day; `erased` says up to when nothing of a user counts."""
    found: Bits = defaultdict(set)
    for event in events:
        until_ms = (erased or {}).get(event["user_id"])
        if event["type"] == "impression" and (until_ms is None or event["at_ms"] > until_ms):
            found[event["user_id"], event["at_ms"] // DAY_MS].update(bits_of(event["post_id"]))
    return dict(found)


def bits_in(bitmap: bytes) -> set[int]:
    """The bits that are set, as GETBIT counts them."""
    return {n for n in range(len(bitmap) * 8) if bitmap[n >> 3] & (0x80 >> (n & 7))}
