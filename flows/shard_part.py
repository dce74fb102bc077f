"""The input partitions of one shard, read in turn."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flows.intake import IntakePartition
from flows.messages import Batch
from schemas.frame import DeadLetters, Erasure, Frame

FAR = 1 << 61

Open = Callable[[str, Mapping[str, Any] | None], IntakePartition]


class ShardPart:
    """All partitions of one shard, by part name (`topic/partition`).

    `first` names those that are read up to the end that they have now before any other: what they say holds for
    records of the others that may have been read long ago.
    """

    def __init__(
        self,
        shard: int,
        names: Iterable[str],
        first: Mapping[str, int],
        rows: int,
        saved: Mapping[str, Any] | None,
        open_part: Open,
    ) -> None:
        self.shard = shard
        self._rows = rows
        self._first = dict(first)
        self._told: dict[str, int] = {}
        self._parts: dict[str, IntakePartition] = {}
        try:
            for name in names:
                self._parts[name] = open_part(name, None if saved is None else saved.get(name))
        except BaseException:
            self.close()
            raise
        self._turn = deque(self._parts)

    @property
    def done(self) -> bool:
        """Whether everything up to the fixed ends has been read."""
        return all(part.done for part in self._parts.values())

    def wait(self) -> float:
        """Seconds until it is worth reading again."""
        return min((self._parts[name].wait() for name in self._due()), default=0.0)

    def read(self) -> Batch | None:
        """What the next messages of some partitions bring, about a frame full; None if nothing.

        Raises `HeadraceError`.
        """
        frames: list[Frame] = []
        erasures: list[Erasure] = []
        refused: list[DeadLetters] = []
        due = self._due()
        for name in [name for name in self._turn if name in due]:
            part = self._parts[name]
            if part.done or part.wait() > 0:
                continue
            self._turn.remove(name)
            self._turn.append(name)
            for item in part.read():
                match item:
                    case Frame():
                        frames.append(item)
                    case Erasure():
                        erasures.append(item)
                    case DeadLetters():
                        refused.append(item)
            if sum(map(len, frames)) >= self._rows:
                break
        moved = {
            name: part.watermark
            for name, part in self._parts.items()
            if part.watermark > self._told.get(name, -FAR)
        }
        self._told |= moved
        if not (frames or erasures or refused or moved):
            return None
        return Batch(self.shard, frames, erasures, refused, moved)

    def snapshot(self) -> dict[str, Any]:
        """The snapshot of each partition: plain data."""
        return {name: part.snapshot() for name, part in self._parts.items()}

    def close(self) -> None:
        """Let go of all partitions."""
        for part in self._parts.values():
            part.close()

    def _due(self) -> set[str]:
        """The partitions whose turn it is: first those to be read before the others."""
        self._first = {name: end for name, end in self._first.items() if self._parts[name].offset < end}
        return set(self._first or self._parts)
