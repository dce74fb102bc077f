"""Lists of item shards made one: nothing before all have spoken, then what is the fastest of all of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.base import Saved
from operators.trends import TopPosts, Trends
from schemas.effects import Trending


def top(shard: int, **lists: dict[int, float]) -> TopPosts:
    """Lists as posts with their velocities."""
    return TopPosts(
        shard,
        {
            region: (np.array(list(found), np.int64), np.array(list(found.values()), np.float64))
            for region, found in lists.items()
        },
    )


def shown(effects: list[Trending]) -> dict[str, list[tuple[int, float]]]:
    return {
        effect.region: list(zip(effect.post_ids.tolist(), effect.scores.tolist(), strict=True))
        for effect in effects
    }


def test_nothing_is_written_before_every_shard_has_spoken() -> None:
    """After a start a shard that is still silent may have the fastest post of all."""
    logic = Trends(shards=2).build(Saved())
    logic.on_rows(top(1, all={7: 3.0}))
    logic.on_rows(top(1, br={7: 1.0}))
    assert logic.drain(urgent_only=False) == []
    logic.on_rows(top(0, all={9: 3.0, 4: 1.0}))
    assert shown(logic.drain(urgent_only=True)) == {"all": [(7, 3.0), (9, 3.0), (4, 1.0)], "br": [(7, 1.0)]}
    assert logic.drain(urgent_only=False) == []


def test_a_region_is_written_when_it_changes_and_forgotten_when_it_is_empty() -> None:
    logic = Trends(shards=2).build(Saved())
    logic.on_rows(top(0, all={7: 3.0}, br={7: 2.0}))
    logic.on_rows(top(1, all={}))
    logic.drain(urgent_only=True)
    logic.on_rows(top(0, br={}))
    assert shown(logic.drain(urgent_only=True)) == {"br": []}
    logic.rewrite()
    assert shown(logic.drain(urgent_only=False)) == {"all": [(7, 3.0)]}


velocities = st.dictionaries(st.integers(0, 1000), st.integers(0, 3).map(float), max_size=150)


@given(st.lists(velocities, min_size=1, max_size=4))
def test_the_list_is_that_of_all_posts(parts: list[dict[int, float]]) -> None:
    """A hundred, the fastest first, ties to the lower id, however the posts are spread over shards."""
    shards = len(parts)
    every = {post * shards + shard: one for shard, part in enumerate(parts) for post, one in part.items()}
    logic = Trends(shards).build(Saved())
    for shard in range(shards):
        logic.on_rows(top(shard, all={post: one for post, one in every.items() if post % shards == shard}))
    best = sorted((post for post in every if every[post]), key=lambda post: (-every[post], post))[:100]
    assert shown(logic.drain(urgent_only=True))["all"] == [(post, every[post]) for post in best]
