"""Runs of tiles and posts, over the whole range of users, posts and minutes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.session_runs import (
    ENGAGEMENT,
    IMPRESSION,
    OTHER,
    Events,
    minutes_of,
    post_run,
    posts_of,
    slots_of,
    tile_run,
)

SLOTS = st.sampled_from([0, 1, (1 << 28) - 1])
MINUTES = st.one_of(st.integers(-2, 300), st.integers(-(1 << 41) // 60_000, (1 << 41) // 60_000))

rows = st.lists(
    st.tuples(
        SLOTS, MINUTES, st.integers(0, 59_999), st.sampled_from([OTHER, IMPRESSION, ENGAGEMENT]), SLOTS
    ),
    max_size=20,
)


@given(rows)
def test_every_minute_and_every_post_of_a_user_is_counted_once(
    rows: list[tuple[int, int, int, int, int]],
) -> None:
    """Minutes that don't fit beside users and posts are grouped era by era."""
    slots, minutes, offsets, kinds, posts = (
        np.array([row[part] for row in rows], np.int64) for part in range(5)
    )
    tiles: dict[tuple[int, int], tuple[int, ...]] = {}
    latest: dict[tuple[int, int], int] = {}
    for first, bits, era in Events(slots, minutes, offsets, kinds.astype(np.uint8), posts).eras():
        run = tile_run(era, first, bits)
        assert (np.diff(run.keys) > 0).all()
        columns = (column.tolist() for column in run.values)
        cells = list(zip(slots_of(run.keys).tolist(), minutes_of(run.keys).tolist(), strict=True))
        assert not tiles.keys() & set(cells)
        tiles |= dict(zip(cells, zip(*columns, strict=True), strict=True))
        met = post_run(era, first, bits)
        assert (np.diff(met.keys) > 0).all()
        pairs = zip(slots_of(met.keys).tolist(), posts_of(met.keys).tolist(), strict=True)
        for pair, minute in zip(pairs, met.values[0].tolist(), strict=True):
            latest[pair] = max(minute, latest.get(pair, minute))
    assert latest.keys() == {(row[0], row[4]) for row in rows}
    for user, post in latest:
        assert latest[user, post] == max(row[1] for row in rows if (row[0], row[4]) == (user, post))
    assert tiles.keys() == {row[:2] for row in rows}
    for cell, (events, impressions, engagements, start, end) in tiles.items():
        mine = [row for row in rows if row[:2] == cell]
        assert events == len(mine)
        assert impressions == sum(row[3] == IMPRESSION for row in mine)
        assert engagements == sum(row[3] == ENGAGEMENT for row in mine)
        assert (start, end) == (min(row[2] for row in mine), max(row[2] for row in mine))
