"""Trending by region: what is saved does not grow with the past."""

from typing import Any

from operators.base import Saved
from operators.regions import RegionTrends
from tests.operators.events import event, feed, frame

HOUR = 3_600_000
START = 1_700_000_000_000
OPERATOR = RegionTrends()


def posts(effects: list[Any]) -> dict[str, list[int]]:
    return {effect.region: effect.post_ids.tolist() for effect in effects}


def test_what_is_over_is_neither_kept_nor_saved() -> None:
    """A region that fell silent goes; of the others only posts of the last hours are left."""
    logic = OPERATOR.build(Saved())
    crowd = [event(type="like", post_id=post, region="br", at_ms=START) for post in range(3000)]
    feed(logic, frame([*crowd, event(type="like", post_id=1, region="de", at_ms=START)]))
    logic.drain(urgent_only=False)
    first = logic.snapshot()
    feed(logic, frame([event(type="click", post_id=7, region="br", at_ms=START + 9 * HOUR)]))
    assert posts(logic.drain(urgent_only=False)) == {"br": [7], "de": []}
    second = logic.snapshot()
    assert list(logic.regions) == ["br"]
    for name in OPERATOR.tables():
        parts = [first.tables[name], second.tables[name]]
        assert logic.prune(name, OPERATOR.merge(name, parts, second.facts)).num_rows == 1


def test_a_crowded_region_goes_as_a_whole() -> None:
    """Time moves on elsewhere, and not one of its posts is left."""
    logic = OPERATOR.build(Saved())
    feed(logic, frame([event(type="like", post_id=post, region="br", at_ms=START) for post in range(3000)]))
    logic.drain(urgent_only=False)
    feed(logic, frame([event(type="like", region="de", at_ms=START + 9 * HOUR)]))
    assert posts(logic.drain(urgent_only=False)) == {"br": [], "de": [1]}
    logic.snapshot()
    assert list(logic.regions) == ["de"]


def test_what_has_no_region_or_calls_itself_all_is_not_counted() -> None:
    """The list over all regions is not a region's to write."""
    logic = OPERATOR.build(Saved())
    rows = [event(type="like", region=region, at_ms=START) for region in (None, "all", "de")]
    feed(logic, frame(rows))
    assert posts(logic.drain(urgent_only=False)) == {"de": [1]}
