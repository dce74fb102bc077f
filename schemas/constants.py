"""The constants that formulas and recomputations of features may name."""

from typing import Final

from schemas.settings_fields import Settings

DWELL_EDGES_MS: Final = (0, 1_000, 3_000, 7_000, 12_000, 21_000, 45_000, 95_000, 390_000, 1_800_000)
"""Edges of the dwell histogram: bucket i holds edge[i] <= dwell < edge[i + 1], the last also its end."""

SEEN_DAYS: Final = 8
"""UTC days before the current one of which readers may ask what a user has seen, and days that a filter lives."""

UNKNOWN_POSITION: Final = 1_000
"""Thousandths that an impression without a known position counts as examined."""


def constants_of(settings: Settings) -> dict[str, float]:
    """Constants by name: `a`, priors `p0_ctr` and so on, `q0`, positions `e_1`, dwell edges `edge_0`.

    >>> constants_of(Settings())["p0_ctr"]
    0.05
    """
    priors = settings.priors
    rates = ("ctr", "like", "comment", "share", "save", "hide", "report", "engagement")
    return {
        "a": settings.smoothing,
        **{f"p0_{rate}": getattr(priors, rate) for rate in rates},
        "q0": priors.quality,
        **{f"e_{position}": weight for position, weight in enumerate(settings.position_curve, start=1)},
        "e_null": UNKNOWN_POSITION,
        **{f"edge_{index}": edge for index, edge in enumerate(DWELL_EDGES_MS)},
    }
