"""What the latest snapshot of all steps cost."""

import time
from dataclasses import dataclass
from typing import Final

MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """When it was taken (ms since 1970), for how long steps stood still, and what it wrote."""

    at_ms: int
    seconds: float
    bytes: int


class Snapshots:
    """Adds up the parts of a snapshot: each part of the state that changed is saved once in it.

    A part that was saved already, or a pause of `pause_s`, begins the next one.

    >>> snapshots = Snapshots(pause_s=1.0)
    >>> for part in ("windows", "events", "windows", "events"):
    ...     snapshots.saved(part, seconds=0.5, size=100)
    >>> snapshots.last.seconds, snapshots.last.bytes
    (1.0, 200)
    """

    def __init__(self, pause_s: float) -> None:
        self.last: Snapshot | None = None
        self._pause_s = pause_s
        self._parts: set[object] = set()
        self._saved_at = 0.0

    def saved(self, part: object, seconds: float, size: int) -> None:
        """A part was saved."""
        now = time.monotonic()
        if part in self._parts or now - self._saved_at > self._pause_s:
            self._parts.clear()
            self.last = None
        before = self.last or Snapshot(0, 0.0, 0)
        self._parts.add(part)
        self._saved_at = now
        self.last = Snapshot(int(time.time() * MS), before.seconds + seconds, before.bytes + size)
