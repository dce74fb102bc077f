"""Feature vectors against a naive recomputation, over any splits, interleavings and resume points."""

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base import Saved
from operators.windows import KEYS, Windows
from schemas.effects import VectorSet
from schemas.registry import Registry
from tests.operators.events import event, feed, frame
from tests.operators.naive_windows import vector

REGISTRY = Registry.load()
CURVE = (1000, 390, 290, 220, 180, 150)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
TTL_MS = dict.fromkeys(KEYS, 8 * DAY)
OPERATOR = Windows(REGISTRY, CURVE, ttl_ms=TTL_MS)
SPARSE = replace(OPERATOR, registry=Registry.load(Path(__file__).with_name("sparse_features.toml")))
START = 1_700_000_000_000

TYPES = [
    "impression",
    "click",
    "like",
    "comment",
    "share",
    "save",
    "hide",
    "report",
    "dwell",
    "mute",
    "unlike",
]

times = st.one_of(
    st.integers(0, 10 * MINUTE), st.integers(0, 3 * HOUR), st.integers(0, 3 * DAY), st.integers(0, 250 * DAY)
)
events = st.lists(
    st.builds(
        event,
        type=st.sampled_from(TYPES),
        user_id=st.sampled_from([-1, 0, 7]),
        post_id=st.sampled_from([10, 11, 12]),
        author_id=st.sampled_from([-(2**62), 5]),
        position=st.one_of(st.none(), st.integers(-1, 9)),
        dwell_ms=st.one_of(st.none(), st.integers(-5, 2_000_000)),
        at_ms=times.map(lambda offset: START + offset),
    ),
    min_size=1,
    max_size=30,
)


class Redis:
    """Holds vectors as the real one would: an expiry never brings a key back."""

    def __init__(self) -> None:
        self.vectors: dict[tuple[str, int], tuple[int, list[float]]] = {}

    def write(self, effects: list[Any]) -> None:
        for effect in effects:
            if isinstance(effect, VectorSet):
                for key, t, values, expiry in zip(
                    effect.ids.tolist(),
                    effect.as_of_ms.tolist(),
                    effect.values,
                    effect.expiry.tolist(),
                    strict=True,
                ):
                    if not expiry or (effect.entity, key) in self.vectors:
                        self.vectors[effect.entity, key] = (t, values.tolist())


def expected(
    rows: list[dict[str, Any]], clock: int, registry: Registry
) -> dict[tuple[str, int], tuple[int, list[float]]]:
    """The vectors of all keys by the naive recomputation; an entity without features has none."""
    by_key = defaultdict(list)
    for row in rows:
        for entity, column in KEYS.items():
            if registry.entity(entity):
                by_key[entity, row[column]].append(row)
    return {
        (entity, key): vector(entity, found, clock, registry, CURVE)
        for (entity, key), found in by_key.items()
    }


def assert_equal(found: Redis, rows: list[dict[str, Any]], clock: int, registry: Registry = REGISTRY) -> None:
    """Every vector is the float32 of the naive one, and as of the same time."""
    wanted = expected(rows, clock, registry)
    assert found.vectors.keys() == wanted.keys()
    for key, (t, values) in wanted.items():
        assert found.vectors[key][0] == t, key
        with np.errstate(over="ignore"):
            exact = np.array(values, np.float64).astype(np.float32).tolist()
        names = [feature.name for feature in registry.entity(key[0])]
        wrong = [
            (name, got, want)
            for name, got, want in zip(names, found.vectors[key][1], exact, strict=True)
            if got != want and not (math.isnan(got) and math.isnan(want))
        ]
        assert not wrong, (key, wrong)


@pytest.mark.parametrize("operator", [OPERATOR, SPARSE], ids=["built-in", "sparse"])
@settings(max_examples=150, deadline=None)
@given(rows=events, data=st.data())
def test_equals_naive_recomputation(
    operator: Windows, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    """In any order, cut anywhere, drained at any time, resumed anywhere, with time passing in between."""
    redis = Redis()
    logic = operator.build(Saved())
    parts: list[dict[str, Any]] = []
    tables: dict[str, list[Any]] = defaultdict(list)
    clock = -(1 << 61)
    queue = data.draw(st.permutations(rows))
    while queue:
        size = data.draw(st.integers(1, len(queue)))
        part, queue = queue[:size], queue[size:]
        watermark = max(row["at_ms"] for row in part) - data.draw(st.sampled_from([0, 0, 1, 30_000, 59_999]))
        clock = max(clock, watermark)
        redis.write(feed(logic, frame(part, watermark=watermark)))
        parts += part
        if data.draw(st.booleans()):
            redis.write(logic.drain(urgent_only=data.draw(st.booleans())))
        if data.draw(st.booleans()):
            clock = max(clock, clock + data.draw(st.sampled_from([0, 7_000, HOUR, 2 * DAY, 40 * DAY])))
            redis.write(logic.on_time(clock, clock - 400 * DAY))
        if data.draw(st.booleans()):
            delta = logic.snapshot()
            for name, table in delta.tables.items():
                tables[name].append(table)
                if len(tables[name]) > 1 and data.draw(st.booleans()):
                    tables[name] = [logic.prune(name, operator.merge(name, tables[name], delta.facts))]
            if data.draw(st.booleans()):
                logic = operator.build(Saved(tables, delta.facts))
    redis.write(logic.drain(urgent_only=False))
    assert_equal(redis, parts, clock, operator.registry)


@pytest.mark.parametrize("entity", KEYS)
def test_every_entity_has_features(entity: str) -> None:
    """The built-in registry gives each entity a vector."""
    assert REGISTRY.entity(entity)


def test_keys_that_are_over_are_forgotten_and_begin_anew() -> None:
    """After 90 silent days a post takes no memory, neither here nor in what is saved, and its life starts again."""
    operator = Windows(REGISTRY, CURVE, ttl_ms=TTL_MS)
    logic, redis = operator.build(Saved()), Redis()
    crowd = [
        event(type="click", post_id=post, user_id=post, author_id=post, at_ms=START) for post in range(3000)
    ]
    redis.write(feed(logic, frame(crowd)) + logic.drain(urgent_only=False))
    first = logic.snapshot()
    later = event(type="like", post_id=1, user_id=1, author_id=1, at_ms=START + 100 * DAY)
    redis.write(feed(logic, frame([later])) + logic.drain(urgent_only=False))
    second = logic.snapshot()
    assert [table.index.size for table in logic.tables.values()] == [1, 1, 1]
    parts = {name: [first.tables[name], second.tables[name]] for name in operator.tables()}
    merged = {
        name: [logic.prune(name, operator.merge(name, both, second.facts))] for name, both in parts.items()
    }
    assert all(table.num_rows <= 4 for (table,) in merged.values())
    for saved in (parts, merged):
        again = operator.build(Saved(saved, second.facts))
        last = event(type="like", post_id=1, user_id=1, author_id=1, at_ms=START + 100 * DAY + 1)
        found = Redis()
        found.write(feed(again, frame([last])) + again.drain(urgent_only=False))
        assert_equal(found, [crowd[1], later, last], last["at_ms"])


def test_a_store_that_forgot_gets_what_is_still_asked_for() -> None:
    """Every key within its time to live is written again; older ones are not brought back."""
    logic = OPERATOR.build(Saved())
    rows = [event(post_id=1, user_id=1, at_ms=START), event(post_id=2, user_id=1, at_ms=START + 10 * DAY)]
    feed(logic, frame(rows))
    logic.drain(urgent_only=False)
    logic.rewrite()
    redis = Redis()
    redis.write(logic.drain(urgent_only=False))
    assert sorted(redis.vectors) == [("author", 1), ("post", 2), ("user", 1)]
