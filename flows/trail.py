"""When to hand out what may trail: evenly, so that it is over in time and never in the way of what happens."""

import math
import time
from typing import Any, Final

from operators.base import Trailing

TRAIL_S: Final = 240.0
"""Seconds in which everything that trails is handed out: a vector may be five minutes behind the time."""

_LONGEST_S: Final = 1.0
"""After a longer pause, as when Redis was slow, not more is handed out at once than for so many seconds."""


class Trail:
    """Paces one logic: at least `per_second` keys of each kind, and more if that would take longer than `TRAIL_S`."""

    def __init__(self, logic: Trailing, per_second: int) -> None:
        self.logic = logic
        self._per_second = per_second
        self._at = time.monotonic()
        self._until = self._at + TRAIL_S

    def some(self, now: float) -> list[Any]:
        """What is due at `now` (on the clock of `time.monotonic`); empty when nothing trails."""
        seconds = min(now - self._at, _LONGEST_S)
        self._at = now
        share = seconds / max(self._until - now, seconds) if seconds > 0 else 0.0
        effects = self.logic.trail(math.ceil(self._per_second * seconds), share)
        if not effects:
            self._until = now + TRAIL_S
        return effects
