"""A flow as a drawing: what it reads, what it keeps, where it writes, and what is connected to what.

A drawing knows no engine. `flows.bind` runs it on bytewax, `flows.loop` in a plain loop; both give the same results.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from flows.messages import Split
from operators.base import Operator


@dataclass(frozen=True, slots=True)
class Stream:
    """A way between two steps, named after the step that it leaves and what it carries."""

    name: str


@dataclass(frozen=True, slots=True)
class Read:
    """Reads and judges topics: accepted frames leave by `rows`, dead letters by `refused`.

    A flow starts without its `optional` topics if they are not there.
    """

    name: str
    topics: tuple[str, ...]
    optional: tuple[str, ...]
    rows: Stream
    refused: Stream


@dataclass(frozen=True, slots=True)
class Spread:
    """Makes of the rows of a shard one item for each shard, so that what belongs together meets."""

    name: str
    split: Split
    source: Stream
    items: Stream


@dataclass(frozen=True, slots=True)
class Keep:
    """Feeds an operator and keeps its state, shard by shard.

    With `takes` it is fed with those effects of another operator, from all shards, in one place.
    """

    name: str
    operator: Operator
    source: Stream
    effects: Stream
    takes: type | None = None


class Output(Protocol):
    """A sink as a flow sees it: what was written is safe when `flush` returns."""

    def write(self, items: list[Any]) -> None:
        """Take in items; raises `HeadraceError` when an earlier one was refused."""

    def flush(self) -> None:
        """Wait until everything written is safe; raises `HeadraceError` unless it is."""

    def hurry(self, seconds: float) -> None:
        """The flow was told to stop: wait at most so long for a service that is away.

        Called from a signal handler, at any moment.
        """

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Write:
    """Writes streams to a sink, which is opened once by the process that owns the step."""

    name: str
    sources: tuple[Stream, ...]
    open: Callable[[], Output]


@dataclass
class Drawing:
    """The steps of one flow, in the order in which they were drawn."""

    name: str
    reads: list[Read] = field(default_factory=list)
    spreads: list[Spread] = field(default_factory=list)
    keeps: list[Keep] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)

    def read(self, name: str, *topics: str, optional: tuple[str, ...] = ()) -> tuple[Stream, Stream]:
        """Read topics; returns the accepted rows and the refused records."""
        step = Read(name, (*topics, *optional), optional, Stream(f"{name}.rows"), Stream(f"{name}.refused"))
        self.reads.append(step)
        return step.rows, step.refused

    def spread(self, name: str, rows: Stream, split: Split) -> Stream:
        """Make one item for each shard of the rows of a shard; returns the items."""
        step = Spread(name, split, rows, Stream(f"{name}.items"))
        self.spreads.append(step)
        return step.items

    def keep(self, name: str, items: Stream, operator: Operator) -> Stream:
        """Feed rows or items to an operator, each shard by itself; returns its effects."""
        step = Keep(name, operator, items, Stream(f"{name}.effects"))
        self.keeps.append(step)
        return step.effects

    def gather(self, name: str, effects: Stream, takes: type, operator: Operator) -> Stream:
        """Feed the effects of one kind, which go nowhere else, from all shards to an operator; returns its effects."""
        step = Keep(name, operator, effects, Stream(f"{name}.effects"), takes)
        self.keeps.append(step)
        return step.effects

    def taken(self, stream: Stream) -> tuple[type, ...]:
        """The kinds of effects of a stream that are gathered, and so not written."""
        return tuple(step.takes for step in self.keeps if step.source == stream and step.takes is not None)

    def write(self, name: str, *sources: Stream, to: Callable[[], Output]) -> None:
        """Write streams to a sink."""
        self.writes.append(Write(name, sources, to))
