"""Where the current session of each user begins, and what is in it."""

from dataclasses import dataclass

import numpy as np

from operators.kernels import kernels
from operators.session_runs import MINUTE_MS, minutes_of, posts_of
from operators.sorted_runs import Rows
from schemas.frame import Int64s

GAP = 30
"""A session begins after so many minutes in a row without an event."""

LONGEST = 24 * 60
"""A session is its newest minutes, at most so many."""

_BIAS = 1 << 31


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions, an entry each: the minute and the time (ms) of the first event, and what was counted."""

    first_minute: Int64s
    first_ms: Int64s
    events: Int64s
    impressions: Int64s
    engagements: Int64s


def find_sessions(owners: Int64s, tiles: Rows, n: int) -> Sessions:
    """The latest session of each of `n` owners (below 2^15), all of which have tiles; `owners[i]` has tile i.

    Tiles come in any order, one of an owner's minutes may come in parts.
    """
    minutes = minutes_of(tiles.keys)
    places = (owners << 32) | (minutes + _BIAS)
    order = np.argsort((places << 16) | tiles.values[3])
    places, owners, minutes = places[order], owners[order], minutes[order]
    heads = np.flatnonzero(
        np.concatenate(([True], np.diff(owners) > 0)) | (np.diff(minutes, prepend=0) > GAP)
    )
    everyone = np.arange(n)
    ends = np.searchsorted(owners, everyone, side="right")
    oldest = (everyone << 32) | (minutes[ends - 1] - (LONGEST - 1) + _BIAS)
    starts = np.maximum(heads[np.searchsorted(heads, ends) - 1], np.searchsorted(places, oldest))
    sums = []
    for column in tiles.values[:3]:
        running = np.concatenate(([0], np.cumsum(column[order], dtype=np.int64)))
        sums.append(running[ends] - running[starts])
    first = minutes[starts]
    return Sessions(first, first * MINUTE_MS + tiles.values[3][order][starts], *sums)


def count_posts(owners: Int64s, posts: Rows, first_minute: Int64s) -> Int64s:
    """How many distinct posts each owner met from a minute on; `owners[i]` met post i, in parts or not."""
    met = posts.values[0] >= first_minute[owners]
    pairs = kernels().sort((owners[met] << 32) | posts_of(posts.keys[met]))
    distinct = np.concatenate((pairs[:1], pairs[1:][pairs[1:] != pairs[:-1]]))
    return np.bincount(distinct >> 32, minlength=len(first_minute))
