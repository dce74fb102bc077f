"""Figures of real traffic that a simulation keeps to, counted on public logs of social networks and news feeds."""

from typing import Final

from sources.simulate.quantiles import Quantiles

CLICK_CURVE: Final = (0.147, 0.057, 0.043, 0.032, 0.026, 0.022)
"""Clicks per impression of an average post at positions 1, 2, ...; the last one holds for all further positions."""

LABEL_SHARES: Final = {
    "dwell": 0.22,
    "like": 0.02,
    "comment": 0.003,
    "share": 0.004,
    "save": 0.003,
    "follow": 0.001,
    "hide": 0.0012,
    "report": 0.0002,
    "mute": 0.0003,
}
"""Labels per impression of an average post."""

TAKEN_BACK: Final = {"like": 0.03, "hide": 0.05, "mute": 0.05}
"""The share of likes, hides and mutes that is taken back (unlike, unhide, unmute) later."""

DELAYS: Final = {
    "click": Quantiles(
        (0, 0.21, 0.64, 0.82, 0.93, 0.985, 0.995, 1),
        (1, 10, 30, 60, 120, 300, 600, 1800),
    ),
    "like": Quantiles(
        (0, 0.5, 0.75, 0.76, 0.85, 0.88, 0.9, 0.95, 0.96, 1),
        (2, 110, 503, 600, 1800, 3600, 7200, 70_200, 86_400, 604_800),
    ),
    "save": Quantiles(
        (0, 0.71, 0.79, 0.83, 0.93, 1),
        (3, 600, 1800, 3600, 86_400, 604_800),
    ),
    "comment": Quantiles(
        (0, 0.65, 0.75, 0.78, 0.92, 1),
        (5, 600, 1800, 3600, 86_400, 604_800),
    ),
    "follow": Quantiles(
        (0, 0.65, 0.74, 0.78, 0.91, 1),
        (5, 600, 1800, 3600, 86_400, 604_800),
    ),
    "share": Quantiles(
        (0, 0.5, 0.6, 0.62, 1),
        (5, 300, 3600, 43_200, 1_100_000),
    ),
    "dwell": Quantiles(
        (0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.93, 0.97, 0.9996, 1),
        (1, 4, 9, 16, 30, 70, 300, 600, 1800, 3600),
    ),
    "negative": Quantiles(
        (0, 0.5, 0.9, 1),
        (1, 8, 60, 1800),
    ),
}
"""Seconds from the view to the report of a label; `negative` is hide, report and mute.

`share` is made so that, counted from the root post, 24 % come within an hour, 56 % within a day and 99 %
within 9.7 days; the others are as measured.
"""

DWELL: Final = Quantiles(
    (0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1),
    (0.5, 3, 7, 12, 21, 45, 95, 390, 1799),
)
"""Seconds that a post stayed in view. It lies below `DELAYS["dwell"]` at every share."""


def click_share(position: int) -> float:
    """Clicks per impression of an average post at a position (1 = top)."""
    return CLICK_CURVE[min(position, len(CLICK_CURVE)) - 1]
