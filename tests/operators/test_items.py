"""Posts and authors of an item shard: regions that are over, lists that are told once, authors that are erased."""

from typing import Any

import numpy as np

from operators.base import Delta, Saved
from operators.items import Items
from operators.partial import ItemPartials, shard_of
from operators.trends import TopPosts
from schemas.effects import Erase, FeatureSet, VectorSet
from schemas.frame import Erasure
from schemas.registry import Registry
from tests.operators.events import event, frame

HOUR, DAY = 3_600_000, 86_400_000
START = 1_700_000_000_000 // DAY * DAY
CURVE = (1000, 390)
REGISTRY = Registry.load()
TTL_MS = {"post": 8 * DAY, "author": 40 * DAY}
OPERATOR = Items(REGISTRY, CURVE, TTL_MS)
PARTIALS = ItemPartials(REGISTRY, CURVE, 1)


def feed(logic: Any, rows: list[dict[str, Any]]) -> None:
    """Give a logic what rows say, and the time that they bring."""
    for partial in PARTIALS([frame(rows)]):
        logic.on_rows(partial)
    clock = max(row["at_ms"] for row in rows)
    logic.on_time(clock, clock - HOUR)


def drained(logic: Any, urgent_only: bool = False) -> dict[str, list[int]]:
    """The posts of each region that are handed out."""
    return {
        region: posts.tolist()
        for effect in logic.drain(urgent_only)
        if isinstance(effect, TopPosts)
        for region, (posts, _) in effect.lists.items()
    }


def authors(effects: list[Any]) -> dict[int, tuple[int, bytes]]:
    return {
        author: (t, values.tobytes())
        for effect in effects
        if isinstance(effect, VectorSet) and effect.entity == "author"
        for author, t, values in zip(
            effect.ids.tolist(), effect.as_of_ms.tolist(), effect.values, strict=True
        )
    }


def of_rows(rows: list[dict[str, Any]]) -> dict[int, tuple[int, bytes]]:
    """The vectors of authors that rows alone give."""
    logic = OPERATOR.build(Saved())
    feed(logic, rows)
    return authors(logic.drain(urgent_only=False))


def resumed(*deltas: Delta) -> Any:
    names = {name for delta in deltas for name in delta.tables}
    tables = {name: [delta.tables[name] for delta in deltas if name in delta.tables] for name in names}
    return OPERATOR.build(Saved(tables, deltas[-1].facts))


def test_lists_are_told_when_they_change_and_all_of_them_at_a_start() -> None:
    """Every five seconds of event time; whoever merges the lists of shards knows none of them after a restart."""
    logic = OPERATOR.build(Saved())
    feed(logic, [event(type="like", post_id=1, region="br", at_ms=START)])
    assert drained(logic, urgent_only=True) == {"all": [1], "br": [1]}
    feed(logic, [event(type="like", post_id=2, region="de", at_ms=START + 4_999)])
    assert drained(logic, urgent_only=True) == {}
    feed(logic, [event(post_id=2, region="de", at_ms=START + 5_000)])
    assert drained(logic, urgent_only=True) == {"all": [1, 2], "de": [2]}
    assert drained(logic) == {}
    again = resumed(logic.snapshot())
    assert drained(again) == {"all": [1, 2], "br": [1], "de": [2]}
    again.rewrite()
    assert drained(again) == {"all": [1, 2], "br": [1], "de": [2]}


def test_a_shard_without_posts_says_so() -> None:
    """Else whoever waits for all shards would wait for ever."""
    assert drained(OPERATOR.build(Saved())) == {"all": []}


def test_regions_that_fell_silent_are_neither_kept_nor_saved() -> None:
    """Of the others only posts of the last hours are left."""
    logic = OPERATOR.build(Saved())
    crowd = [event(type="like", post_id=post, region="br", at_ms=START) for post in range(3000)]
    feed(logic, [*crowd, event(type="like", post_id=1, region="de", at_ms=START)])
    drained(logic)
    first = logic.snapshot()
    feed(logic, [event(type="click", post_id=7, region="br", at_ms=START + 9 * HOUR)])
    assert drained(logic) == {"all": [7], "br": [7], "de": []}
    second = logic.snapshot()
    assert logic.regions.names == ["br"]
    for name in ("tiles_region", "keys_region"):
        merged = OPERATOR.merge(name, [first.tables[name], second.tables[name]], second.facts)
        assert logic.prune(name, merged).num_rows == 1


def test_an_erased_user_is_forgotten_as_an_author() -> None:
    """Here, in Redis, and after the purge in what is saved; what the author's posts get later begins anew."""
    rows = [event(type="click", author_id=author, at_ms=START + author) for author in (1, 2)]
    late = event(type="like", author_id=1, at_ms=START + 9)
    later = event(type="share", author_id=1, at_ms=START + DAY)
    logic = OPERATOR.build(Saved())
    feed(logic, rows)
    logic.drain(urgent_only=False)
    first = logic.snapshot()
    (effect,) = logic.erase(Erasure(np.array([1, 77]), np.array([START + 10, START])))
    assert isinstance(effect, Erase)
    assert (effect.entity, effect.ids.tolist()) == ("author", [1, 77])
    second = logic.snapshot()
    assert (first.purge, second.purge, logic.snapshot().purge) == (False, True, False)
    for name in OPERATOR.entities["author"].tables:
        parts = [delta.tables[name] for delta in (first, second) if name in delta.tables]
        merged = OPERATOR.merge(name, parts, second.facts)
        assert set(logic.prune(name, merged).column("key").to_pylist()) == {2}
    for again in (logic, resumed(first, second)):
        feed(again, [late])
        assert authors(again.drain(urgent_only=False)) == {}
        feed(again, [late, later])
        assert authors(again.drain(urgent_only=False)) == of_rows([later])


def test_every_author_is_erased_by_one_shard() -> None:
    """A shard that knows nothing of an author must not take away what another has written since."""
    ids = np.arange(50)
    erasure = Erasure(ids, np.full(50, START))
    operator = Items(REGISTRY, CURVE, TTL_MS, shards=3)
    for shard in range(3):
        (effect,) = operator.build(Saved(), shard).erase(erasure)
        assert effect.ids.tolist() == ids[shard_of(ids, 3) == shard].tolist()


def test_a_store_that_forgot_learns_the_feature_set_from_one_shard() -> None:
    operator = Items(REGISTRY, CURVE, TTL_MS, shards=2)
    for shard, wanted in ((0, 1), (1, 0)):
        logic = operator.build(Saved(), shard)
        logic.rewrite()
        assert sum(isinstance(effect, FeatureSet) for effect in logic.drain(urgent_only=True)) == wanted
