"""What goes from one process to another: little, plain, and nothing of what it was made from."""

import pickle

import numpy as np

from operators.ledger import slots_of
from operators.partial import ItemPartials, shard_of
from schemas.registry import Registry
from tests.operators.events import event, frame

CURVE = (1000, 390)
START = 1_700_000_000_000
REGISTRY = Registry.load()


def test_a_partial_is_as_small_as_what_it_says() -> None:
    """Ten thousand events of ten posts take a few kilobytes on their way, and hold no frame."""
    crowd = [
        event(type="like", post_id=row % 10, region="br", at_ms=START + row // 10) for row in range(10_000)
    ]
    (partial,) = ItemPartials(REGISTRY, CURVE, 1)([frame(crowd)])
    assert len(pickle.dumps(partial)) < 4_000
    assert partial.entities["post"].amounts.tolist() == [1000] * 10


def test_every_post_and_author_goes_to_its_own_shard() -> None:
    """Posts with their regions and authors are placed by their own ids; frames of one shard are one partial."""
    rows = [
        event(type="like", post_id=post, author_id=-post, region=region, at_ms=START)
        for post in range(100)
        for region in ("br", "de")
    ]
    partials = ItemPartials(REGISTRY, CURVE, 3)([frame(rows[:77]), frame([]), frame(rows[77:])])
    assert len(partials) == 3
    for shard, partial in enumerate(partials):
        posts = [post for post in range(100) if shard_of(np.array([post]), 3)[0] == shard]
        authors = [-post for post in range(100) if shard_of(np.array([-post]), 3)[0] == shard]
        assert sorted(partial.entities["post"].keys.tolist()) == posts
        assert sorted(partial.entities["author"].keys.tolist()) == sorted(authors)
        ids, regions = partial.regional.keys()
        placed = sorted(zip(ids.tolist(), regions.to_pylist(), strict=True))
        assert placed == [(post, region) for post in posts for region in ("br", "de")]


def test_only_engagements_with_a_region_count_there() -> None:
    """The list over all regions is not a region's to write."""
    rows = [event(type="like", post_id=1, region=region, at_ms=START) for region in (None, "all", "de")]
    rows += [
        event(type=kind, post_id=2, region="de", at_ms=START) for kind in ("impression", "hide", "dwell")
    ]
    (partial,) = ItemPartials(REGISTRY, CURVE, 1)([frame(rows)])
    groups = partial.regional.groups
    assert partial.regional.keys()[1].to_pylist() == ["de"]
    assert groups.keys[slots_of(groups.cells)].tolist() == [1]


def test_nothing_comes_of_nothing() -> None:
    assert ItemPartials(REGISTRY, CURVE, 4)([frame([])]) == []
