"""Which process of a cluster owns which shard."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from schemas.errors import UsageError

_EVEN = 120
"""Shards are dealt out evenly among any number of processes that divides this."""

_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Placement:
    """The shards of a flow and the process that this is, `index` of `processes`.

    The engine sends a key to the process that a hash of its name says. The names of the shards are chosen so that
    they are dealt out evenly, and an input partition is read where its shard is kept: so rows stay in their process.
    """

    shards: int
    processes: int = 1
    index: int = 0

    def __post_init__(self) -> None:
        if self.processes > self.shards:
            raise UsageError(
                f"{self.processes} processes can't share {self.shards} shards: give at most as many addresses as the "
                "setting shards says (it can be changed only before the first start)"
            )

    @property
    def mine(self) -> tuple[int, ...]:
        """The shards that this process owns."""
        return tuple(shard for shard in range(self.shards) if self.owner(shard) == self.index)

    def owner(self, shard: int) -> int:
        """The process that owns a shard."""
        return sip_hash(_named(shard)) % self.processes

    def reads(self, part: str) -> bool:
        """Whether this process reads a part, `topic/partition`."""
        return int(part.rpartition("/")[2]) % self.shards in self.mine

    def key(self, shard: int) -> str:
        """The name of a shard in the engine, the same for any number of processes."""
        return _named(shard)


@cache
def _named(shard: int) -> str:
    return next(name for name in _names(shard) if sip_hash(name) % _EVEN == shard % _EVEN)


def _names(shard: int) -> Iterator[str]:
    number = 0
    while True:
        yield f"{shard:05d}.{number}"
        number += 1


def sip_hash(text: str) -> int:
    """The hash by which bytewax sends a key to a worker (modulo their number).

    SipHash-1-3 with a zero key of the UTF-8 bytes and a byte 0xff (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast
    short-input PRF", 2012), as Rust's standard library hashes a string.
    """
    data = text.encode() + b"\xff"
    state = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    whole = len(data) - len(data) % 8
    words = [int.from_bytes(data[start : start + 8], "little") for start in range(0, whole, 8)]
    words.append((len(data) & 0xFF) << 56 | int.from_bytes(data[whole:], "little"))
    for word in words:
        a, b, c, d = _round(state[0], state[1], state[2], state[3] ^ word)
        state = (a ^ word, b, c, d)
    state = (state[0], state[1], state[2] ^ 0xFF, state[3])
    for _ in range(3):
        state = _round(*state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _round(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    a = (a + b) & _MASK
    b = _turned(b, 13) ^ a
    a = _turned(a, 32)
    c = (c + d) & _MASK
    d = _turned(d, 16) ^ c
    a = (a + d) & _MASK
    d = _turned(d, 21) ^ a
    c = (c + b) & _MASK
    b = _turned(b, 17) ^ c
    return a, b, _turned(c, 32), d


def _turned(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (64 - bits))) & _MASK
