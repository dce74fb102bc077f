"""Hashes of users: what several effects leave behind, together or in turn, in a plain dict and in Redis."""

import copy
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.effects import AffinitySet, Effect, Erase
from schemas.errors import HeadraceError
from sinks.coalesce import coalesce
from sinks.pending import Pending
from sinks.redis import RedisSink
from sinks.redis_url import parse
from sinks.resp import Encoder
from sinks.resp_hash import ROWS
from tests.operators.naive_affinity import Hashes, apply

USERS = st.integers(-1, 3)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "user_author": st.sampled_from([-(2**63), -1, 0, 7, 12]),
    "user_type": st.sampled_from(["", "a", "video", "täglich", "x" * 64]),
}
TTL_S = {"user": 4000}
ENCODER = Encoder("p:", 9, TTL_S)


def pairs(
    entity: str, rows: Sequence[tuple[int, Any, int, bool, bool]], whole: Sequence[int] = ()
) -> AffinitySet:
    """An effect of rows: user, field, value, expiry, gone."""
    kind = pa.int64() if entity == "user_author" else pa.string()
    values = np.array([[value, -value] for _, _, value, _, _ in rows], np.float32).reshape(-1, 2)
    return AffinitySet(
        entity,
        np.array([row[0] for row in rows], np.int64),
        pa.array([row[1] for row in rows], kind),
        np.array([row[2] for row in rows], np.int64),
        values,
        np.array([row[3] for row in rows], np.bool_),
        np.array([row[4] for row in rows], np.bool_),
        np.array(sorted(set(whole)), np.int64),
    )


@st.composite
def pair_sets(draw: st.DrawFn) -> AffinitySet:
    entity = draw(st.sampled_from(sorted(FIELDS)))
    row = st.tuples(
        USERS, FIELDS[entity], st.integers(0, 9), st.booleans(), st.sampled_from([False, False, True])
    )
    rows = draw(st.lists(row, unique_by=lambda row: row[:2], max_size=8))
    return pairs(entity, rows, draw(st.lists(USERS, max_size=2)))


ERASES = st.builds(
    lambda entity, ids: Erase(entity, np.array(ids, np.int64)),
    st.sampled_from(sorted(FIELDS)),
    st.lists(USERS, max_size=2),
)
EFFECTS = st.lists(pair_sets() | ERASES, max_size=6)


def happening(effect: Effect) -> Effect:
    """The same, as if something had happened to every row."""
    return replace(effect, expiry=effect.expiry & False) if isinstance(effect, AffinitySet) else effect


@given(EFFECTS, EFFECTS)
def test_together_they_leave_what_they_leave_in_turn(before: list[Effect], effects: list[Effect]) -> None:
    store: Hashes = {}
    apply(store, [happening(effect) for effect in before])
    together = copy.deepcopy(store)
    apply(store, [happening(effect) for effect in effects])
    coalesced = coalesce(effects)
    apply(together, [happening(effect) for effect in coalesced])
    assert together == store
    assert len([one for one in coalesced if isinstance(one, AffinitySet)]) <= 2


@given(EFFECTS, EFFECTS)
def test_together_they_bring_back_nobody_whom_they_did_not_in_turn(
    before: list[Effect], effects: list[Effect]
) -> None:
    """Whose hash is there in the end has it by either way, with nothing missing."""
    store: Hashes = {}
    apply(store, before)
    together = copy.deepcopy(store)
    apply(store, effects)
    apply(together, coalesce(effects))
    for user, fields in store.items():
        assert together[user].keys() >= fields.keys()
        assert together[user].items() >= fields.items()
    happened = {
        (one.entity, int(user))
        for one in effects
        if isinstance(one, AffinitySet)
        for user in one.user_ids[~one.expiry & ~one.gone]
    }
    assert together.keys() - store.keys() <= happened


@given(EFFECTS, EFFECTS, st.integers(1, 3))
def test_what_trails_says_nothing_that_is_out_of_date(
    first: list[Effect], second: list[Effect], rows: int
) -> None:
    """Whatever is sent in between, in the end the hashes are as if everything had been sent at once."""
    store: Hashes = {}
    apply(store, [happening(effect) for effect in [*first, *second]])
    pending = Pending(1 << 30, rows)
    found: Hashes = {}
    for effects in filter(None, (first, second)):
        pending.add(effects)
        apply(found, [happening(effect) for effect in pending.take() or []])
    pending.acknowledged()
    while pending.bytes:
        apply(found, [happening(effect) for effect in pending.take() or []])
        pending.acknowledged()
    assert found == store


def test_what_only_time_changed_goes_last() -> None:
    pending = Pending(1 << 30, trailing_rows=1)
    pending.add(
        [pairs("user_author", [(1, 5, 1, True, False), (2, 5, 1, False, False), (2, 6, 1, True, False)])]
    )
    taken = pending.take() or []
    assert [one.user_ids.tolist() for one in taken if isinstance(one, AffinitySet)] == [[2, 2], [1]]


def test_what_happens_overtakes_what_trails() -> None:
    """A field that is written, one that goes, and a hash that is replaced while older values of them wait."""
    pending = Pending(1 << 30, trailing_rows=1)
    pending.add(
        [pairs("user_author", [(user, field, 1, True, False) for user in range(4) for field in (5, 6)])]
    )
    pending.take()
    later = [(1, 5, 2, False, False), (2, 6, 2, False, True), (3, 7, 2, False, False)]
    pending.add([pairs("user_author", later, whole=[3])])
    sent: list[Effect] = []
    while pending.bytes:
        sent += pending.take() or []
        pending.acknowledged()
    store: Hashes = {("user_author", user): {5: (0, b""), 6: (0, b"")} for user in range(4)}
    apply(store, sent)
    times = {
        (user, field): value[0] for (_, user), fields in store.items() for field, value in fields.items()
    }
    assert times == {(0, 5): 0, (0, 6): 1, (1, 5): 2, (1, 6): 1, (2, 5): 1, (3, 7): 2}


@pytest.fixture
def sink(redis_url: str) -> Iterator[RedisSink]:
    one = RedisSink(parse(redis_url), ENCODER)
    yield one
    one.close()


def in_redis(client: Any) -> Hashes:
    """Every hash as a reader sees it."""
    found: Hashes = {}
    for name in client.scan_iter("p:affinity*"):
        kind, user = name.decode().removeprefix("p:").split(":")
        entity = {"affinity": "user_author", "affinity_type": "user_type"}[kind]
        fields: dict[int | str, tuple[int, bytes]] = {}
        for field, value in client.hgetall(name).items():
            layout, feature_set, count, as_of = struct.unpack_from("<HHIq", value)
            assert (layout, feature_set, count) == (1, 9, 2)
            fields[field.decode() if entity == "user_type" else int(field)] = (as_of, value[16:])
        found[entity, int(user.strip("{}"))] = fields
        assert 3990 <= client.ttl(name) <= 4000
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EFFECTS)
def test_redis_holds_what_effects_say(sink: RedisSink, redis_url: str, effects: list[Effect]) -> None:
    """One after the other, those that only time brought among them: nothing that is not there comes back by them."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        store: Hashes = {}
        for effect in effects:
            sink.write([effect])
            sink.flush()
            apply(store, [effect])
            assert in_redis(client) == store


def test_many_fields_are_cut_into_requests_between_users(sink: RedisSink, redis_url: str) -> None:
    """A hash of 128 fields of 64 bytes stays compact, and none is written in two parts."""
    rows = [(user, author, 1, user % 2 == 0, False) for user in range(200) for author in range(128)]
    effect = replace(pairs("user_author", rows), values=np.zeros((len(rows), 12), np.float32))
    requests = list(ENCODER.requests([effect]))
    assert len(requests) > len(rows) // ROWS > 0
    assert sum(request.replies for request in requests) == 100 * 2 + 100
    sink.write([replace(effect, expiry=effect.expiry & False)])
    sink.flush()
    with redis.Redis.from_url(redis_url) as client:
        assert client.hlen("p:affinity:{7}") == 128
        assert client.object("encoding", "p:affinity:{7}") in (b"listpack", b"ziplist")


@pytest.mark.parametrize("whole", [[], [0, 70]])
def test_a_refusal_by_redis_is_told(sink: RedisSink, redis_url: str, whole: list[int]) -> None:
    """A key of another type, in the middle of many requests under way; it doesn't matter where it is replaced."""
    with redis.Redis.from_url(redis_url) as client:
        client.set("p:affinity:{70}", "no hash")
        sink.write([pairs("user_author", [(user, 1, 1, False, False) for user in range(3 * ROWS)], whole)])
        if whole:
            sink.flush()  # it is replaced
            assert client.hkeys("p:affinity:{70}") == [b"1"]
        else:
            with pytest.raises(HeadraceError, match="something else under one of our keys"):
                sink.flush()
