import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.connection import Connection

from schemas.effects import Effect, Erase, FeatureSet, Trending, VectorSet
from sinks.resp import ROWS, Encoder

IDS = st.integers(-(2**63), 2**63 - 1) | st.integers(-1100, 1100)
TTL_S = {"post": 8 * 86_400, "author": 40 * 86_400, "user": 7}
ENCODER = Encoder("p:", 65_535, TTL_S)
KEYS = {"post": "p:features:post:{}", "author": "p:features:author:{}", "user": "p:features:user:{{{}}}"}


def packed(*words: Any) -> bytes:
    """The command as redis-py sends it."""
    connection: Any = Connection
    return b"".join(connection().pack_command(*words))


def vectors(entity: str, ids: list[int], count: int = 3, expiry: list[bool] | None = None) -> VectorSet:
    values = np.random.default_rng(len(ids)).normal(size=(len(ids), count)).astype(np.float32)
    return VectorSet(
        entity,
        np.array(ids, np.int64),
        np.arange(len(ids)) - 5,
        values,
        np.array(expiry if expiry is not None else [False] * len(ids), np.bool_),
    )


def expected(effect: VectorSet, row: int) -> bytes:
    """One `SET` by the layout of a vector: layout, feature set, count, as-of time, values."""
    value = struct.pack("<HHIq", 1, 65_535, effect.values.shape[1], effect.as_of_ms[row])
    value += struct.pack(f"<{effect.values.shape[1]}f", *effect.values[row])
    key = KEYS[effect.entity].format(effect.ids[row])
    last = ("XX",) if effect.expiry[row] else ()
    return packed("SET", key, value, "EX", TTL_S[effect.entity], *last)


@given(
    rows=st.lists(st.tuples(IDS, st.booleans()), unique_by=lambda row: row[0], max_size=40),
    entity=st.sampled_from(sorted(TTL_S)),
    count=st.integers(0, 5),
)
def test_vectors_are_the_bytes_that_redis_py_sends(
    rows: list[tuple[int, bool]], entity: str, count: int
) -> None:
    effect = vectors(entity, [number for number, _ in rows], count, [expiry for _, expiry in rows])
    requests = list(ENCODER.vectors(effect))
    sent = sorted(command for request in requests for command in split(request.data))
    assert sent == sorted(expected(effect, row) for row in range(len(rows)))
    assert sum(request.replies for request in requests) == len(rows)


def split(data: bytes | memoryview) -> list[bytes]:
    """RESP bytes cut into commands."""
    data, commands, at = bytes(data), [], 0
    while at < len(data):
        start = at
        words, at = line(data, at, b"*")
        for _ in range(words):
            length, at = line(data, at, b"$")
            at += length + 2
        commands.append(data[start:at])
    return commands


def line(data: bytes, at: int, kind: bytes) -> tuple[int, int]:
    end = data.index(b"\r\n", at)
    assert data[at : at + 1] == kind
    return int(data[at + 1 : end]), end + 2


def test_many_vectors_are_cut_into_requests() -> None:
    effect = vectors("post", list(range(3 * ROWS)))
    requests = list(ENCODER.vectors(effect))
    assert max(request.replies for request in requests) <= ROWS
    assert sum(len(split(request.data)) for request in requests) == 3 * ROWS
    assert {request.plain for request in requests} == {True}


def test_values_may_lie_anywhere_in_memory() -> None:
    wide = np.arange(20, dtype=np.float32).reshape(4, 5)
    effect = VectorSet("post", np.arange(4), np.zeros(4, np.int64), wide[:, ::2], np.zeros(4, np.bool_))
    (request,) = ENCODER.vectors(effect)
    assert split(request.data) == [expected(effect, row) for row in range(4)]


@given(st.lists(st.tuples(IDS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=20))
def test_a_trending_list_is_one_transaction(rows: list[tuple[int, float]]) -> None:
    effect = Trending(
        "br", np.array([post for post, _ in rows], np.int64), np.array([score for _, score in rows])
    )
    pairs = [word for post, score in rows for word in (score, post)]
    assert ENCODER.trending(effect) == [
        packed("MULTI"),
        packed("DEL", "p:trending:br"),
        packed("ZADD", "p:trending:br", *pairs),
        packed("EXEC"),
    ]


def test_an_empty_trending_list_goes() -> None:
    effect = Trending("all", np.array([], np.int64), np.array([]))
    assert ENCODER.trending(effect) == [packed("DEL", "p:trending:all")]


@pytest.mark.parametrize("entity", sorted(TTL_S))
def test_erasing_deletes_each_key(entity: str) -> None:
    commands = ENCODER.erase(Erase(entity, np.array([-3, 0, 12], np.int64)))
    assert commands == [packed("DEL", KEYS[entity].format(number)) for number in (-3, 0, 12)]


def test_erasures_go_before_vectors_and_replies_are_counted() -> None:
    trending = Trending("all", np.array([4], np.int64), np.array([1.0]))
    effects: list[Effect] = [vectors("user", [1, 22]), trending, Erase("user", np.array([1, 2, 3], np.int64))]
    first, *rest = ENCODER.requests(effects)
    assert (first.plain, first.replies) == (False, 7)
    assert len(split(first.data)) == 7
    assert sum(request.replies for request in rest) == 2


def test_a_feature_set_is_published_under_its_version() -> None:
    commands = ENCODER.others(FeatureSet(3, '{"name": "é"}'))
    assert commands == [packed("SET", "p:feature_set:3", '{"name": "é"}')]
