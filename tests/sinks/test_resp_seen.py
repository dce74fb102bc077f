"""Seen filters and member sets: the bytes that redis-py sends, and what a real Redis then answers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis as Client

from operators.base import Saved
from operators.seen import Seen
from schemas.effects import MemberSet, SeenErase, SeenSet
from schemas.settings import load
from sinks.redis import RedisSink
from sinks.resp_seen import USERS, members, seen, unsee
from tests.operators.events import event, frame
from tests.operators.naive_seen import bits_of
from tests.sinks.test_resp import IDS, packed, split


@given(users=st.lists(IDS, unique=True, max_size=30), day=st.integers(-3, 30_000))
def test_filters_are_the_bytes_that_redis_py_sends(users: list[int], day: int) -> None:
    bits = np.random.default_rng(1).integers(0, 256, (len(users), 512), np.uint8)
    requests = list(seen(SeenSet(day, np.array(users, np.int64), bits), "p:"))
    expected = [
        packed("SET", f"p:seen:{{{user}}}:{day}", b"\1\0" + row.tobytes(), "EX", 691_200)
        for user, row in zip(users, bits, strict=True)
    ]
    assert sorted(one for request in requests for one in split(request.data)) == sorted(expected)
    assert sum(request.replies for request in requests) == len(users)
    assert all(request.plain for request in requests)


def test_erasing_deletes_the_days_of_each_user() -> None:
    effect = SeenErase(np.array([7, -2, 3]), np.array([5, 9, 6]), np.array([6, 9, 5]))
    assert unsee(effect, "p:") == [
        packed("DEL", "p:seen:{7}:5", "p:seen:{7}:6"),
        packed("DEL", "p:seen:{-2}:9"),
    ]


@given(st.lists(st.lists(IDS, unique=True, max_size=3), max_size=20))
def test_sets_are_replaced_whole(sets: list[list[int]]) -> None:
    ends = np.cumsum([len(one) for one in sets], dtype=np.int64)
    ids = np.array([item for one in sets for item in one], np.int64)
    requests = list(members(MemberSet("hidden", np.arange(len(sets)), ends, ids), "", 60))
    expected = []
    for user, items in enumerate(sets):
        name = f"hidden:{{{user}}}"
        if items:
            expected += [packed("MULTI"), packed("DEL", name), packed("SADD", name, *items)]
            expected += [packed("EXPIRE", name, 60), packed("EXEC")]
        else:
            expected.append(packed("DEL", name))
    assert [one for request in requests for one in split(request.data)] == expected
    assert [request.replies for request in requests] == [len(split(request.data)) for request in requests]


def test_many_sets_are_cut_into_requests() -> None:
    users = np.arange(2 * USERS + 1)
    requests = list(members(MemberSet("muted", users, users + 1, users), "", 60))
    assert [request.replies for request in requests] == [5 * USERS, 5 * USERS, 5]


def test_getbit_proves_each_impression(redis_url: str) -> None:
    """Bit n of a filter is bit 16 + n of the value; nothing else is set."""
    rows = [event(user_id=user, post_id=post, at_ms=86_400_000 * 5) for user in (7, 8) for post in range(30)]
    logic = Seen().build(Saved())
    logic.on_rows(frame(rows))
    sink = RedisSink.from_settings(load(overrides={"redis": redis_url}), 1)
    sink.write(logic.drain(urgent_only=True))
    sink.write([MemberSet("muted", np.array([7, 8]), np.array([2, 2]), np.array([-5, 6]))])
    sink.flush()
    with Client.from_url(redis_url) as client:
        bits = {bit for post in range(30) for bit in bits_of(post)}
        assert all(client.getbit("seen:{7}:5", 16 + bit) for bit in bits)
        assert client.bitcount("seen:{7}:5") == len(bits) + 1  # the layout has one bit
        assert client.strlen("seen:{8}:5") == 514
        assert 0 < client.ttl("seen:{8}:5") <= 691_200
        assert client.smembers("muted:{7}") == {b"-5", b"6"}
        assert 0 < client.ttl("muted:{7}") <= 40 * 86_400
        sink.write([MemberSet("muted", np.array([7]), np.array([1]), np.array([9]))])
        sink.write([MemberSet("muted", np.array([8]), np.array([0]), np.array([], np.int64))])
        sink.write([SeenErase(np.array([8]), np.array([0]), np.array([5]))])
        sink.flush()
        assert client.smembers("muted:{7}") == {b"9"}
        assert {name.decode() for name in client.scan_iter()} == {"muted:{7}", "seen:{7}:5"}
    sink.close()
