"""What every operator is: a frozen configuration that builds a logic from saved state."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from schemas.frame import Erasure

Recall = Callable[[str], Iterable[pa.Table]]
"""Reads the saved chunks of a table as they are at that time, one by one; to be used up before the next snapshot."""


def _nothing(table: str) -> Iterable[pa.Table]:
    return ()


@dataclass(frozen=True, slots=True)
class Saved:
    """State that a logic is built from: the tables of all chunks by name, in any order, and a few numbers.

    `recall` lets a logic read later what it has saved and doesn't keep in memory.
    """

    tables: Mapping[str, Sequence[pa.Table]] = field(default_factory=dict)
    facts: Mapping[str, int] = field(default_factory=dict)
    recall: Recall = _nothing


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed since the last snapshot: partial tables that add up, and the numbers as they are now.

    `purge` asks for all that was ever saved to be merged and pruned again: something in it was erased.
    """

    tables: dict[str, pa.Table]
    facts: dict[str, int]
    purge: bool = False


class Logic(Protocol):
    """The behaviour of an operator over its state; it emits effects and never touches the world."""

    def on_rows(self, frame: Any) -> list[Any]:
        """Take in a frame of accepted rows, or what another operator made of frames; returns effects."""

    def on_time(self, clock: int, settled: int) -> list[Any]:
        """Let event time pass; returns effects.

        `clock` is the largest watermark of any input partition (ms), `settled` the time before which no event can be
        accepted any more by any of them: the smallest watermark less the allowed lateness. Neither ever falls.
        """

    def erase(self, erasure: Erasure) -> list[Any]:
        """Forget users, whatever they did up to the time of their erasure; returns effects."""

    def drain(self, urgent_only: bool) -> list[Any]:
        """Hand out what is due for writing: only what must be fresh within a second, or everything (see `Trailing`)."""

    def snapshot(self) -> Delta:
        """What changed since the last snapshot."""

    def rewrite(self) -> None:
        """Let everything that a reader may ask for be handed out again: the store has forgotten."""

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """Saved rows without those that the logic has let go of; may be called from another thread."""


@runtime_checkable
class Trailing(Protocol):
    """What a logic is besides, of which many keys change at the same instant because time passed: at midnight, all.

    Their effects may trail by minutes, so that they don't stand in the way of what happens.
    """

    def drain_ahead(self) -> list[Any]:
        """Hand out everything that is due for writing but what may trail."""

    def trail(self, least: int, share: float) -> list[Any]:
        """Hand out some of what may trail: `share` of the keys, but at least `least` of each kind."""


class Operator(ABC):
    """A configuration: comparable, without state. Subclasses are frozen dataclasses."""

    @abstractmethod
    def build(self, saved: Saved, shard: int = 0) -> Logic:
        """The logic of a shard, going on from `saved`; an empty `Saved` starts from nothing."""

    @abstractmethod
    def tables(self) -> Sequence[str]:
        """The names of the tables that its snapshots consist of."""

    @abstractmethod
    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """One table equal to the sum of `parts`, without what no window can need at `facts`."""
