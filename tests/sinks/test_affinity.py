"""What users are to many authors, from events to a real Redis and back."""

from typing import Any

import pytest
import redis

from operators.affinity import MOST, Affinity, AffinityLogic
from operators.base import Saved
from schemas.registry import Registry
from serving.vectors import decode
from sinks.redis import RedisSink
from sinks.redis_url import parse
from sinks.resp import Encoder
from tests.operators.events import event, feed, frame
from tests.operators.naive_affinity import DAY, Hash, hashes
from tests.operators.naive_windows import Event

REGISTRY = Registry.load()
START = 1_700_000_000_000 // DAY * DAY
TTL_MS = 40 * DAY
OPERATOR = Affinity(REGISTRY, (1000,), TTL_MS)
KEY = "affinity:{7}"

AUTHORS = [
    event(
        type="click" if author % 5 else "impression", user_id=7, author_id=-author, at_ms=START + author % 3
    )
    for author in range(300)
]
"""Many authors with as much, at few times: ids decide."""


class Place:
    """A logic and the Redis that it writes to."""

    def __init__(self, url: str) -> None:
        self.client: Any = redis.Redis.from_url(url)
        self.sink = RedisSink(parse(url), Encoder("", REGISTRY.version, {"user": TTL_MS // 1000}))

    def write(self, logic: AffinityLogic, rows: list[Event], clock: int = 0) -> None:
        """Let a logic take in rows, then time, and write all that it has to."""
        for effects in (feed(logic, frame(rows)) if rows else [], logic.on_time(clock, clock - DAY)):
            self.sink.write(effects)
        self.sink.write(logic.drain(urgent_only=False))
        self.sink.flush()

    @property
    def found(self) -> Hash:
        """The hash as a reader decodes it."""
        vectors = {int(field): decode(value) for field, value in self.client.hgetall(KEY).items()}
        return {
            author: (vector.as_of_ms, vector.values.tobytes())
            for author, vector in vectors.items()
            if vector is not None
        }

    def close(self) -> None:
        """Let go of connections."""
        self.sink.close()
        self.client.close()


@pytest.fixture
def place(redis_url: str) -> Any:
    opened = Place(redis_url)
    yield opened
    opened.close()


def wanted(rows: list[Event], clock: int) -> Hash:
    return hashes(rows, {}, clock, REGISTRY, TTL_MS, MOST).get(("user_author", 7), {})


def test_the_best_of_many_authors_stay_compact(place: Place) -> None:
    """Before and after days have gone by, and whoever goes on from what was saved."""
    logic = OPERATOR.build(Saved())
    place.write(logic, AUTHORS[:200])
    delta = logic.snapshot()
    place.write(logic, AUTHORS[200:])
    clock = START + 2
    assert place.found == wanted(AUTHORS, clock)
    assert len(place.found) == MOST
    assert {len(value) for value in place.client.hgetall(KEY).values()} == {64}
    again = OPERATOR.build(Saved({name: [table] for name, table in delta.tables.items()}, delta.facts))
    liked = [event(type="like", user_id=7, author_id=-299, at_ms=START + number) for number in range(5)]
    rows = AUTHORS[:200] + liked
    place.write(again, liked)
    assert place.found == wanted(rows, START + 4)
    assert place.client.object("encoding", KEY) in (b"listpack", b"ziplist")
    for days in (9, 32, 40):
        place.write(again, [], START + days * DAY)
        assert place.found == wanted(rows, START + days * DAY)
    assert place.client.ttl(KEY) > TTL_MS // 1000 - 60
    place.write(again, [], START + 41 * DAY)
    assert not place.client.exists(KEY)


def test_days_that_go_by_never_bring_back_a_hash_that_has_expired(place: Place) -> None:
    logic = OPERATOR.build(Saved())
    place.write(logic, AUTHORS[:3])
    place.client.delete(KEY)
    place.write(logic, [], START + 9 * DAY)
    assert not place.client.exists(KEY)
    place.write(logic, [event(user_id=7, author_id=0, at_ms=START + 9 * DAY)])
    assert list(place.found) == [0]
