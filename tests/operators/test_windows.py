"""Feature vectors against a naive recomputation, over any splits, interleavings and resume points."""

import math
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base import Logic, Operator, Saved
from operators.entity import KEYS
from operators.items import Items
from operators.partial import ItemPartials
from operators.trends import TopPosts, Trends
from operators.users import Users
from schemas.effects import Trending, VectorSet
from schemas.frame import Frame
from schemas.registry import Registry
from tests.operators.events import event, feed, frame
from tests.operators.naive_windows import inside, vector

REGISTRY = Registry.load()
CURVE = (1000, 390, 290, 220, 180, 150)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
TTL_MS = dict.fromkeys(KEYS, 8 * DAY)
REGISTRIES = {"built-in": REGISTRY, "sparse": Registry.load(Path(__file__).with_name("sparse_features.toml"))}
USERS = Users(REGISTRY, CURVE, ttl_ms=TTL_MS)
ITEMS = Items(REGISTRY, CURVE, ttl_ms=TTL_MS)
PARTIALS = ItemPartials(REGISTRY, CURVE, 1)
ENGAGEMENTS = ("click", "like", "comment", "share", "save")
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
        post_id=st.sampled_from([10, 11, 12, 13]),
        author_id=st.sampled_from([-(2**62), 5, 6]),
        position=st.one_of(st.none(), st.integers(-1, 9)),
        dwell_ms=st.one_of(st.none(), st.integers(-5, 2_000_000)),
        region=st.sampled_from([None, "all", "br", "de"]),
        at_ms=times.map(lambda offset: START + offset),
    ),
    min_size=1,
    max_size=30,
)


class Redis:
    """Holds vectors as the real one would: an expiry never brings a key back. Lists of item shards are made one."""

    def __init__(self, shards: int = 1) -> None:
        self.vectors: dict[tuple[str, int], tuple[int, list[float]]] = {}
        self.trends: dict[str, list[tuple[int, float]]] = {}
        self.merging = Trends(shards).build(Saved())

    def write(self, effects: list[Any]) -> None:
        for effect in effects:
            if isinstance(effect, TopPosts):
                self.merging.on_rows(effect)
                self.write(self.merging.drain(urgent_only=True))
            elif isinstance(effect, Trending):
                self.trends[effect.region] = list(
                    zip(effect.post_ids.tolist(), effect.scores.tolist(), strict=True)
                )
            elif isinstance(effect, VectorSet):
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


def trends(rows: list[dict[str, Any]], clock: int, region: str) -> list[tuple[int, float]]:
    """The posts of a region, or of all, by engagements in the last hour."""
    counts = {}
    for post in {row["post_id"] for row in rows}:
        mine = [row for row in rows if row["post_id"] == post]
        if region != "all":
            mine = [row for row in mine if row["region"] == region and row["type"] in ENGAGEMENTS]
        if mine:
            t = max(clock, *(row["at_ms"] for row in mine))
            counts[post] = sum(row["type"] in ENGAGEMENTS for row in inside(mine, "1h", t))
    best = sorted(counts, key=lambda post: (-counts[post], post))
    return [(post, float(counts[post])) for post in best if counts[post]]


class Kept:
    """A logic with its saved state, which can be taken up again."""

    def __init__(self, operator: Operator, shard: int = 0) -> None:
        self.operator = operator
        self.shard = shard
        self.tables: dict[str, list[Any]] = defaultdict(list)
        self.logic: Logic = operator.build(Saved(), shard)

    def save(self, merge: bool, resume: bool) -> None:
        delta = self.logic.snapshot()
        for name, table in delta.tables.items():
            self.tables[name].append(table)
            if len(self.tables[name]) > 1 and merge:
                merged = self.operator.merge(name, self.tables[name], delta.facts)
                self.tables[name] = [self.logic.prune(name, merged)]
        if resume:
            self.logic = self.operator.build(Saved(self.tables, delta.facts), self.shard)


@pytest.mark.parametrize("name", REGISTRIES)
@settings(max_examples=150, deadline=None)
@given(rows=events, shards=st.integers(1, 4), dice=st.randoms(use_true_random=True))
def test_equals_naive_recomputation(name: str, rows: list[dict[str, Any]], shards: int, dice: Random) -> None:
    """In any order, cut anywhere, partials on their way at will, drained at any time, resumed anywhere.

    Time passes in between, for each logic on its own.
    """
    registry = REGISTRIES[name]
    redis = Redis(shards)
    partials = ItemPartials(registry, CURVE, shards)
    users = Kept(Users(registry, CURVE, TTL_MS))
    items = [Kept(Items(registry, CURVE, TTL_MS, shards), shard) for shard in range(shards)]
    under_way: list[list[Any]] = [[] for _ in range(1 + shards)]
    clock = -(1 << 61)
    queue = dice.sample(rows, len(rows))
    while queue:
        cuts = sorted(dice.randint(0, len(queue)) for _ in range(dice.randint(1, 3)))
        frames = [frame(queue[start:end]) for start, end in zip([0, *cuts], cuts, strict=False)]
        part, queue = queue[: cuts[-1]], queue[cuts[-1] :]
        under_way[0] += frames
        for waiting, partial in zip(under_way[1:], partials(frames), strict=False):
            waiting.append(partial)
        late = dice.choice([0, 0, 1, 30_000, 59_999])
        clock = max(clock, max((row["at_ms"] for row in part), default=clock) - late)
        clock += dice.choice([0, 0, 0, 0, 7_000, HOUR, 2 * DAY, 40 * DAY])
        for kept, waiting in zip((users, *items), under_way, strict=True):
            for _ in range(dice.randint(0, len(waiting))):
                redis.write(kept.logic.on_rows(waiting.pop(dice.randrange(len(waiting)))))
            if dice.random() < 0.5:
                redis.write(kept.logic.on_time(clock, clock - 400 * DAY))
            if dice.random() < 0.5:
                redis.write(kept.logic.drain(urgent_only=dice.random() < 0.5))
            if dice.random() < 0.5:
                kept.save(merge=dice.random() < 0.5, resume=dice.random() < 0.5)
    for kept, waiting in zip((users, *items), under_way, strict=True):
        for one in waiting:
            redis.write(kept.logic.on_rows(one))
        redis.write(kept.logic.on_time(clock, clock - 400 * DAY))
        redis.write(kept.logic.drain(urgent_only=False))
    assert_equal(redis, rows, clock, registry)
    for region in ("all", "br", "de"):
        assert redis.trends.get(region, []) == trends(rows, clock, region)


@pytest.mark.parametrize("entity", KEYS)
def test_every_entity_has_features(entity: str) -> None:
    """The built-in registry gives each entity a vector."""
    assert REGISTRY.entity(entity)


def both(users: Logic, items: Logic, rows: Frame) -> list[Any]:
    """What comes of a frame when everything is drained."""
    effects = feed(users, rows)
    for partial in PARTIALS([rows]):
        effects += items.on_rows(partial)
    effects += items.on_time(rows.watermark, rows.watermark - HOUR)
    return effects + users.drain(urgent_only=False) + items.drain(urgent_only=False)


@pytest.mark.parametrize("merge", [False, True])
def test_keys_that_are_over_are_forgotten_and_begin_anew(merge: bool) -> None:
    """After 90 silent days a post takes no memory, neither here nor in what is saved, and its life starts again."""
    crowd = [
        event(type="click", post_id=post, user_id=post, author_id=post, region="br", at_ms=START)
        for post in range(3000)
    ]
    later = event(type="like", post_id=1, user_id=1, author_id=1, region="br", at_ms=START + 100 * DAY)
    last = {**later, "at_ms": START + 100 * DAY + 1}
    kept = Kept(USERS), Kept(ITEMS)
    for rows in (crowd, [later]):
        both(kept[0].logic, kept[1].logic, frame(rows))
        for one in kept:
            one.save(merge=merge, resume=rows != crowd)
    saved = [table.num_rows for one in kept for tables in one.tables.values() for table in tables]
    assert max(saved) <= 4 if merge else min(saved) <= 4
    found = Redis()
    found.write(both(kept[0].logic, kept[1].logic, frame([last])))
    assert_equal(found, [crowd[1], later, last], last["at_ms"])


def test_a_store_that_forgot_gets_what_is_still_asked_for() -> None:
    """Every key within its time to live is written again, and every list; older keys are not brought back."""
    users, items = USERS.build(Saved()), ITEMS.build(Saved())
    rows = [
        event(post_id=1, user_id=1, at_ms=START),
        event(type="like", post_id=2, user_id=1, region="br", at_ms=START + 10 * DAY),
    ]
    both(users, items, frame(rows))
    redis = Redis()
    for logic in (users, items):
        logic.rewrite()
        redis.write(logic.drain(urgent_only=False))
    assert sorted(redis.vectors) == [("author", 1), ("post", 2), ("user", 1)]
    assert redis.trends == {"all": [(2, 1.0)], "br": [(2, 1.0)]}
