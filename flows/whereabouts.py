"""Where a flow is in its input partitions, and when it last turned to one of them."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Where:
    """One partition: the next offset to read, where this run began, when it last brought something (s since 1970)."""

    topic: str
    partition: int
    began: int
    offset: int
    resumed: bool
    polled: bool = False
    read_at: float | None = None

    @property
    def name(self) -> str:
        """`topic/partition`."""
        return f"{self.topic}/{self.partition}"


class Whereabouts:
    """All input partitions of this process.

    `ends` holds the ends that they had when the flow started: it has caught up once it has read up to there.

    >>> where = Whereabouts()
    >>> where.expects({"interactions/0": 10, "interactions/1": 0})
    >>> where.opened("interactions", 0, 7, resumed=True)
    >>> where.opened("interactions", 1, 0, resumed=False)
    >>> where.unread
    ['interactions/0', 'interactions/1']
    >>> where.polled("interactions", 0, 9, brought=True)
    >>> where.polled("interactions", 1, 0, brought=False)
    >>> where.unread, where.behind_start
    ([], {'interactions/0': 1})
    """

    def __init__(self) -> None:
        self.parts: dict[tuple[str, int], Where] = {}
        self.turned_at: float | None = None
        self.began_at = time.monotonic()
        self._ends: dict[str, int] = {}

    def expects(self, ends: Mapping[str, int]) -> None:
        """These partitions (`topic/partition`) will be read; they end there now."""
        self._ends = dict(ends)

    def opened(self, topic: str, partition: int, offset: int, resumed: bool) -> None:
        """A partition was opened, where a snapshot had left it or at its beginning."""
        self.parts[topic, partition] = Where(topic, partition, offset, offset, resumed)

    def polled(self, topic: str, partition: int, offset: int, brought: bool) -> None:
        """A partition was asked for more, and is at `offset` now."""
        where = self.parts[topic, partition]
        where.offset = offset
        where.polled = True
        self.turned_at = time.monotonic()
        if brought:
            where.read_at = time.time()

    @property
    def quiet_seconds(self) -> float:
        """Time since any partition was asked for more, or since the start."""
        return time.monotonic() - (self.turned_at or self.began_at)

    @property
    def unread(self) -> list[str]:
        """Partitions that are to be read and were not asked yet."""
        polled = {where.name for where in self._all() if where.polled}
        return [name for name in self._ends if name not in polled]

    @property
    def behind_start(self) -> dict[str, int]:
        """Records that were there when the flow started and are not read yet, by partition."""
        at = {where.name: where.offset for where in self._all()}
        return {name: end - at.get(name, 0) for name, end in self._ends.items() if at.get(name, 0) < end}

    def _all(self) -> Iterable[Where]:
        return list(self.parts.values())
