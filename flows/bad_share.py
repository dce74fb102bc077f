"""Stops a flow when too much of its input is bad."""

from collections import Counter, deque

from schemas.errors import HeadraceError
from schemas.settings import Settings


class BadShare:
    """The share of dead letters among the latest records that a process read, whatever their partition.

    >>> watch = BadShare(limit=0.5, window=10, minimum=2)
    >>> watch.count(10, {"late": 5}); watch.check()
    >>> watch.count(10, {"late": 6}); watch.check()
    Traceback (most recent call last):
    schemas.errors.HeadraceError: 6 of the latest 10 records are dead letters (6 late), more than the share 0.5 \
that dead_letters.limit allows: see what they are with `headrace tail dead_letters`, mend their producer or raise \
the limit, and start again
    """

    def __init__(self, limit: float, window: int, minimum: int) -> None:
        self._limit = limit
        self._window = window
        self._minimum = minimum
        self._parts: deque[tuple[int, Counter[str]]] = deque()
        self._records = 0
        self._reasons: Counter[str] = Counter()

    @classmethod
    def of(cls, settings: Settings) -> "BadShare":
        """As the settings say."""
        bounds = settings.dead_letters
        return cls(bounds.limit, bounds.window, bounds.minimum)

    def count(self, records: int, bad: dict[str, int]) -> None:
        """Count records read, and the dead letters among them by reason."""
        self._parts.append((records, Counter(bad)))
        self._records += records
        self._reasons.update(bad)
        while self._records - self._parts[0][0] >= self._window:
            old, reasons = self._parts.popleft()
            self._records -= old
            self._reasons.subtract(reasons)

    def check(self) -> None:
        """Raise `HeadraceError` when the share is above the limit."""
        bad = self._reasons.total()
        if bad < self._minimum or bad <= self._limit * self._records:
            return
        reasons = ", ".join(f"{count} {reason}" for reason, count in self._reasons.most_common() if count)
        raise HeadraceError(
            f"{bad} of the latest {self._records} records are dead letters ({reasons}), more than the share "
            f"{self._limit:g} that dead_letters.limit allows: see what they are with `headrace tail dead_letters`, "
            "mend their producer or raise the limit, and start again"
        )
