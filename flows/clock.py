"""How far event time has come in all that a flow reads."""

from collections.abc import Iterable, Mapping

FAR = 1 << 61


class Clock:
    """The watermarks of input partitions, and what follows from them.

    `awaited` are the parts whose rows are judged late by their own watermark: once all of them are known, nothing
    earlier than the smallest less `allowed_lateness_ms` can be accepted any more.

    >>> clock = Clock(["interactions/0", "interactions/1"], 100)
    >>> clock.reach({"interactions/0": 5_000, "users/1": 7_000})
    >>> clock.now, clock.settled == -FAR
    (7000, True)
    >>> clock.reach({"interactions/1": 900})
    >>> clock.now, clock.settled
    (7000, 800)
    """

    def __init__(self, awaited: Iterable[str], allowed_lateness_ms: int) -> None:
        self.now = -FAR
        self.settled = -FAR
        self._lateness = allowed_lateness_ms
        self._reached = dict.fromkeys(awaited, -FAR)

    def reach(self, watermarks: Mapping[str, int]) -> None:
        """Learn of watermarks (ms) by part, `topic/partition`; one that is behind what is known changes nothing."""
        for part, watermark in watermarks.items():
            self.now = max(self.now, watermark)
            if watermark > self._reached.get(part, FAR):
                self._reached[part] = watermark
        if self._reached:
            self.settled = max(self.settled, min(self._reached.values()) - self._lateness)
