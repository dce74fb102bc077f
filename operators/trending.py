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
    engagements = _engagements(table, number, measures)
    ahead = np.flatnonzero((engagements > 0) & (table.lives.last[: len(engagements)] > table.clock))
    if len(ahead):
        engagements[ahead] = Counts(table, ahead, measures).counter("engagements", WINDOW)
    live: Int64s = np.flatnonzero(engagements)
    return fastest(table.index.keys[live], engagements[live] * HOUR_MS / table.windows[number].length_ms)


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


def _engagements(table: WindowTable, window: int, measures: Measures) -> Floats:
    """Engagements by slot in a window as of the clock; their columns lie side by side."""
    columns = slice(measures.column(ENGAGEMENTS[0]), measures.column(ENGAGEMENTS[-1]) + 1)
    total = table.counts.total.reshape(-1, measures.columns)[: table.index.size, columns]
    gone = table.counts.gone[window].reshape(-1, measures.columns)[: table.index.size, columns]
    # What `sum` gives, several times faster over so few columns.
    engagements: Floats = np.einsum("ij->i", total - gone).astype(np.float64)
    return engagements
