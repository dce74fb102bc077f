"""What makes a post popular: a heat drawn from a power law, and how it fades."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sources.simulate.quantiles import Floats
from sources.simulate.traffic import HOUR, Traffic

POPULAR: Final = 0.015
"""Share of the posts that spread beyond the followers of their author."""
LEAST_POPULAR: Final = 80
"""Posts that spread in a short or small simulation, so that none takes most of the views."""
TAIL: Final = 1.1
"""Exponent of the power law of the heat."""
FADING_HOURS: Final = 2.0
"""What the fading of a post over its age integrates to."""


@dataclass(frozen=True, slots=True)
class Popularity:
    """How many posts spread to anyone, and how hot the hottest of them may be."""

    share: float
    limit: float

    @classmethod
    def of(cls, traffic: Traffic) -> "Popularity":
        """The popularity at which one post takes at most about a third of what the story takes.

        Of n popular posts one of heat h takes h / (n E[heat]) of the views that go by popularity.
        """
        hours = traffic.minutes / 60
        posts = traffic.expected_posts / hours * max(hours, FADING_HOURS)
        share = min(0.5, max(POPULAR, LEAST_POPULAR / posts))
        wanted = traffic.hottest / 3 / max(1 - traffic.followed, 1e-9) * posts * share
        low, high = 1.0, 1e9
        for _ in range(60):
            limit = float(np.sqrt(low * high))
            mean = (TAIL - limit ** (1 - TAIL)) / (TAIL - 1)
            low, high = (limit, high) if limit / mean < wanted else (low, limit)
        return cls(share, max(low, 2.0))

    def spreads(self, rng: np.random.Generator, count: int) -> npt.NDArray[np.bool_]:
        """Which of `count` new posts are shown to anyone."""
        return rng.random(count) < self.share

    def heat(self, rng: np.random.Generator, count: int) -> Floats:
        """The heat of `count` new posts, 1 or more."""
        return np.minimum((1 - rng.random(count)) ** (-1 / TAIL), self.limit)


def spread_weight(heat: Floats, age_ms: Floats) -> Floats:
    """How likely a popular post is to be shown to anyone: its heat, fading by the hour; 0 before it exists."""
    return np.where(age_ms >= 0, heat * (1 + np.maximum(age_ms, 0) / HOUR) ** -1.5, 0.0)
