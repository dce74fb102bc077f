"""The posts that move fastest right now."""

import numpy as np

from operators.evaluate import Floats
from operators.measures import ENGAGEMENTS, Measures
from operators.roll_up import Counts
from operators.window_table import Window, WindowTable
from schemas.frame import Int64s
from schemas.windows import WINDOWS

WINDOW = "1h"
EVERYWHERE = "all"
TOP = 100
EVERY_MS = 5_000
HOUR_MS = 3_600_000
HOUR = Window(WINDOW, HOUR_MS, WINDOWS[WINDOW].pane_ms or HOUR_MS)


def trending(table: WindowTable, measures: Measures) -> tuple[Int64s, Floats]:
    """The posts with the highest velocity over the last hour (engagements per hour), ties to the lower id.

    A post without engagement in the hour does not trend.
    """
    number = [window.name for window in table.windows].index(WINDOW)
    live: Int64s = np.flatnonzero(_engaged(table, number, measures))
    velocity = (
        Counts(table, live, measures).counter("engagements", WINDOW)
        * HOUR_MS
        / table.windows[number].length_ms
    )
    return fastest(table.index.keys[live], velocity)


def fastest(posts: Int64s, velocity: Floats) -> tuple[Int64s, Floats]:
    """The first hundred posts by velocity, ties to the lower id, without those that don't move.

    >>> fastest(np.array([7, 5, 9]), np.array([2.0, 2.0, 0.0]))[0].tolist()
    [5, 7]
    """
    if len(posts) > TOP:
        slowest = np.partition(velocity, -TOP)[-TOP]
        ahead = np.flatnonzero(velocity >= slowest)
        posts, velocity = posts[ahead], velocity[ahead]
    best = np.lexsort((posts, -velocity))[:TOP]
    best = best[velocity[best] > 0]
    return posts[best], velocity[best]


def _engaged(table: WindowTable, window: int, measures: Measures) -> Int64s:
    columns = [measures.column(name) for name in ENGAGEMENTS]
    total = table.counts.total.reshape(-1, measures.columns)[: table.index.size]
    gone = table.counts.gone[window].reshape(-1, measures.columns)[: table.index.size]
    engaged: Int64s = (total[:, columns] != gone[:, columns]).any(axis=1)
    return engaged
