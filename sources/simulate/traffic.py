"""What a simulated network is like: the settings of a simulation."""

from dataclasses import dataclass
from typing import Final

from schemas.errors import UsageError
from sources.simulate.figures import LABEL_SHARES, click_share

TWICE: Final = 0.05
"""Share of the places on a page that stay empty, because a post would be there twice."""
SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

DEFAULT_START_MS: Final = 1_767_225_600_000
"""2026-01-01T00:00Z, a fixed time so that a seed alone names a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dirt:
    """Shares of what real logs contain and should not. At most one of the first five befalls a record."""

    repeats: float = 0.01
    """Interactions sent a second time, byte for byte, within nine minutes of event time."""
    late: float = 0.001
    """Interactions that arrive 75 minutes to 30 hours after their time."""
    future: float = 0.0006
    """Interactions whose time is 15 minutes to 27 days ahead of their arrival."""
    misplaced: float = 0.0001
    """Interactions in a partition that is not their user's."""
    damaged: float = 0.0001
    """Messages of interactions whose last bytes are missing."""
    double_clicks: float = 0.01
    """Clicks reported twice under two event ids."""
    coarse_clocks: float = 0.4
    """Users whose clock has whole seconds only, so that many records share their time."""
    early_likes: float = 0.023
    """Likes whose time is before the first logged view."""
    unseen_likes: float = 0.03
    """Likes whose view was never logged."""
    missing_dwell: float = 0.05
    """Dwell reports without a length."""
    missing_request: float = 0.05
    """Labels without a request id."""
    missing_region: float = 0.01
    """Interactions without a region."""
    self_follows: float = 0.5
    """Accounts that follow themselves."""
    odd_ids: float = 0.0005
    """Users whose id is negative; one user has the id zero."""

    def times(self, factor: float) -> "Dirt":
        """The same mixture, `factor` times as much of everything (but never more than all); 0 gives clean traffic.

        Raises UsageError for a factor that is not from 0 to 10.
        """
        if not 0 <= factor <= 10:
            raise UsageError(f"dirt is {factor:g}; choose 0 to 10")
        return Dirt(**{name: min(getattr(self, name) * factor, 1.0) for name in self.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A simulation: two equal ones give the same records, byte for byte."""

    users: int
    """Accounts in the network; all of them may read, post and follow."""
    hours: float
    """Length in event time, from `start_ms`; a fraction is rounded to whole minutes."""
    seed: int = 1
    """Chooses one network and one history."""
    partitions: int = 64
    """Partitions of every topic."""
    rate: float = 20.0
    """Mean interactions per user and day."""
    posts: float = 1.0
    """Mean posts per user and day."""
    start_ms: int = DEFAULT_START_MS
    """Event time of the first interaction. Accounts and follows are written as of the day before."""
    page: int = 12
    """Most impressions of one request; page lengths are equally likely from a third of it."""
    followed: float = 0.3
    """Share of the impressions that show a post of a followed account; the others follow popularity."""
    hottest: float = 0.012
    """Share of all views that one story takes in its life: the post that the greatest burst is about."""
    burst: float = 20.0
    """Interactions in the busiest minute, as a multiple of the mean minute."""
    dirt: Dirt = Dirt()
    """What should not be in a log, and is."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("users", 10, 100_000_000),
            ("hours", 1 / 60, 24 * 366),
            ("partitions", 1, 32_767),
            ("rate", 0.01, 100_000),
            ("posts", 0.001, 1_000),
            ("page", 1, 200),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"{name} is {value:g}; choose {low:g} to {high:g}")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; choose a number that is not negative")

    @property
    def minutes(self) -> int:
        """Whole minutes of event time."""
        return max(1, round(self.hours * 60))

    @property
    def end_ms(self) -> int:
        """What would arrive at or after this time is not in the log."""
        return self.start_ms + self.minutes * MINUTE

    @property
    def mean_page(self) -> float:
        """Mean impressions of one request."""
        return (max(1, self.page // 3) + self.page) / 2

    @property
    def per_request(self) -> float:
        """Expected interactions of one request: its impressions and their labels."""
        labels = sum(share for name, share in LABEL_SHARES.items() if name != "follow")
        positions = range(max(1, self.page // 3), self.page + 1)
        clicks = [sum(click_share(place) for place in range(1, length + 1)) for length in positions]
        return (1 - TWICE) * (self.mean_page * (1 + labels) + sum(clicks) / len(clicks))

    @property
    def interactions(self) -> int:
        """Expected interactions of the whole simulation."""
        return round(self.users * self.rate * self.minutes / (24 * 60))

    @property
    def expected_posts(self) -> float:
        """Expected posts of the whole simulation, without those of the day before it."""
        return self.users * self.posts * self.minutes / (24 * 60)
