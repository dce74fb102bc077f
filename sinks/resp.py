"""Effects as Redis commands, in the bytes of the Redis protocol (RESP).

Vectors become matrices of bytes, one row a command: where ids have equally many characters the commands are
equally long, so a group of them is put together column by column.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.effects import (
    AffinitySet,
    Effect,
    Erase,
    FeatureSet,
    MemberSet,
    SeenErase,
    SeenSet,
    Trending,
    VectorSet,
)
from schemas.keys import VECTOR_KEYS, affixes, key
from schemas.vector import HEADER, LAYOUT, VALUE
from sinks import resp_hash, resp_seen
from sinks.resp_parts import Bytes, Digits, Request, command, side_by_side

ROWS = 1024
"""Most vectors in a request: a quarter of a megabyte, so that encoding and Redis work at the same time."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """Turns effects into requests.

    `prefix` stands before every key, `feature_set` is the version that goes into each vector, `ttl_s` says by
    entity for how many seconds a vector lives after a write.
    """

    prefix: str
    feature_set: int
    ttl_s: Mapping[str, int]

    def requests(self, effects: Iterable[Effect]) -> Iterator[Request]:
        """Requests for coalesced `effects`: their order doesn't matter, save that erasures go first."""
        many: list[VectorSet | AffinitySet | SeenSet | MemberSet] = []
        others: list[bytes] = []
        replies = 0
        for effect in effects:
            if isinstance(effect, VectorSet | AffinitySet | SeenSet | MemberSet):
                many.append(effect)
                continue
            commands = self.others(effect)
            others += commands
            replies += len(commands)
        if others:
            yield Request(b"".join(others), replies, plain=False)
        for effect in many:
            match effect:
                case VectorSet():
                    yield from self.vectors(effect)
                case AffinitySet():
                    headers = self._header(effect.as_of_ms, effect.values.shape[1])
                    yield from resp_hash.hashes(effect, self.prefix, self.ttl_s["user"], headers)
                case SeenSet():
                    yield from resp_seen.seen(effect, self.prefix)
                case MemberSet():
                    yield from resp_seen.members(effect, self.prefix, self.ttl_s["user"])

    def vectors(self, effect: VectorSet) -> Iterator[Request]:
        """`SET key vector EX ttl` for each id, with `XX` where it is an expiry."""
        ids = Digits(effect.ids)
        values = np.ascontiguousarray(effect.values, VALUE)
        # What decides the form of a command: the characters of the id, and whether it has XX.
        form = (ids.lengths * 2 + effect.expiry).astype(np.uint8)
        by_form = np.argsort(form, kind="stable")
        end = 0
        for code, count in enumerate(np.bincount(form).tolist()):
            start, end = end, end + count
            characters, expiry = divmod(code, 2)
            frame = self._frame(effect.entity, characters, values.shape[1], bool(expiry))
            for first in range(start, end, ROWS):
                rows = by_form[first : min(first + ROWS, end)]
                digits = ids.of(rows, characters)
                header = self._header(effect.as_of_ms[rows], values.shape[1])
                data = side_by_side(frame[0], digits, frame[1], header, values[rows].view(np.uint8), frame[2])
                yield Request(data, len(rows), plain=True)

    def others(self, effect: Erase | SeenErase | Trending | FeatureSet) -> list[bytes]:
        """The commands of an effect that is seldom: one by one."""
        match effect:
            case Erase():
                return self.erase(effect)
            case SeenErase():
                return resp_seen.unsee(effect, self.prefix)
            case Trending():
                return self.trending(effect)
            case FeatureSet():
                name = key("feature_set", self.prefix, version=effect.version)
                return [command("SET", name, effect.description)]

    def trending(self, effect: Trending) -> list[bytes]:
        """The whole list of a region at once: a reader sees the old one or the new one."""
        name = key("trending", self.prefix, region=effect.region)
        if not len(effect):
            return [command("DEL", name)]
        pairs: list[str | float] = []
        for post, score in zip(effect.post_ids.tolist(), effect.scores.tolist(), strict=True):
            pairs += (score, str(post))
        return [command("MULTI"), command("DEL", name), command("ZADD", name, *pairs), command("EXEC")]

    def erase(self, effect: Erase) -> list[bytes]:
        """`DEL key` for each id."""
        before, after = affixes(VECTOR_KEYS[effect.entity], self.prefix)
        return [command("DEL", f"{before}{number}{after}") for number in effect.ids.tolist()]

    def _frame(self, entity: str, characters: int, count: int, expiry: bool) -> tuple[bytes, bytes, bytes]:
        """The bytes before the id, between id and vector, and after the vector."""
        before, after = affixes(VECTOR_KEYS[entity], self.prefix)
        length = len(before.encode()) + characters + len(after)
        ttl = str(self.ttl_s[entity]).encode()
        last = b"\r\n$2\r\nEX\r\n$%d\r\n%b\r\n" % (len(ttl), ttl) + (b"$2\r\nXX\r\n" if expiry else b"")
        return (
            b"*%d\r\n$3\r\nSET\r\n$%d\r\n%b" % (6 if expiry else 5, length, before.encode()),
            b"%b\r\n$%d\r\n" % (after.encode(), HEADER.itemsize + VALUE.itemsize * count),
            last,
        )

    def _header(self, as_of_ms: npt.NDArray[np.int64], count: int) -> Bytes:
        header = np.empty(len(as_of_ms), HEADER)
        header["layout"] = LAYOUT
        header["feature_set"] = self.feature_set
        header["count"] = count
        header["as_of_ms"] = as_of_ms
        return header.view(np.uint8).reshape(-1, HEADER.itemsize)
