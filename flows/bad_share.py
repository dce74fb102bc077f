"""Stops a flow when too much of its input is bad."""

from collections import Counter, deque
from collections.abc import Collection, Mapping

from schemas import reasons
from schemas.errors import HeadraceError
from schemas.settings import Settings


class BadShare:
    """The share of dead letters among the latest records that a process read, whatever their partition.

    Records refused for a reason among the `spared` ones count as if they had not been read.

    >>> watch = BadShare(limit=0.5, window=10, minimum=2, spared={"repeat"})
    >>> watch.count(17, {"late": 5, "repeat": 7}); watch.check()
    >>> watch.count(10, {"late": 6}); watch.check()
    Traceback (most recent call last):
    schemas.errors.HeadraceError: 6 of the latest 10 records are dead letters (6 late), more than the share 0.5 \
that dead_letters.limit allows: see what they are with `headrace tail dead_letters`, mend their producer or raise \
the limit, and start again
    """

    def __init__(self, limit: float, window: int, minimum: int, spared: Collection[str]) -> None:
        self._spared = frozenset(spared)
        self._limit = limit
        self._window = window
        self._minimum = minimum
        self._parts: deque[tuple[int, Counter[str]]] = deque()
        self._records = 0
        self._reasons: Counter[str] = Counter()

    @classmethod
    def of(cls, settings: Settings) -> "BadShare":
        """As the settings say; what is late in a history only says in which order its rows came."""
        bounds = settings.dead_letters
        spared = {reasons.REPEAT} | ({reasons.LATE} if settings.time == "history" else set())
        return cls(bounds.limit, bounds.window, bounds.minimum, spared)

    def count(self, records: int, refused: Mapping[str, int]) -> None:
        """Count records read, and those of them that were refused by reason."""
        bad = Counter({reason: count for reason, count in refused.items() if reason not in self._spared})
        records -= sum(count for reason, count in refused.items() if reason in self._spared)
        if not records:
            return
        self._parts.append((records, bad))
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
