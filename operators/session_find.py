"""Where the current session of each user begins, and what is in it."""

from dataclasses import dataclass

import numpy as np

from operators.kernels import kernels
from operators.session_runs import MINUTE_MS, first_key, minutes_of
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
    # This sort merges what is sorted in parts.
    order = np.argsort((places << 16) | tiles.values[3], kind="stable")
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


def count_posts(slots: Int64s, owners: Int64s, posts: Rows, first_minute: Int64s) -> Int64s:
    """How many distinct posts each user of `slots` met from a minute on.

    User `owners[i]` of them met post i; posts come in any order, the same several times.
    """
    met = posts.values[0] >= first_minute[owners]
    keys = kernels().sort(posts.keys if met.all() else posts.keys[met])
    distinct = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(np.concatenate((np.ones(min(len(keys), 1), np.bool_), keys[1:] != keys[:-1])), out=distinct[1:])
    return (
        distinct[np.searchsorted(keys, first_key(slots + 1))]
        - distinct[np.searchsorted(keys, first_key(slots))]
    )
