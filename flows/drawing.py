"""A flow as a drawing: what it reads, what it keeps, where it writes, and what is connected to what.

A drawing knows no engine. `flows.bind` runs it on bytewax, `flows.loop` in a plain loop; both give the same results.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

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
class Keep:
    """Feeds an operator and keeps its state."""

    name: str
    operator: Operator
    source: Stream
    effects: Stream


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
    keeps: list[Keep] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)

    def read(self, name: str, *topics: str, optional: tuple[str, ...] = ()) -> tuple[Stream, Stream]:
        """Read topics; returns the accepted rows and the refused records."""
        step = Read(name, (*topics, *optional), optional, Stream(f"{name}.rows"), Stream(f"{name}.refused"))
        self.reads.append(step)
        return step.rows, step.refused

    def keep(self, name: str, rows: Stream, operator: Operator) -> Stream:
        """Feed rows to an operator; returns its effects."""
        step = Keep(name, operator, rows, Stream(f"{name}.effects"))
        self.keeps.append(step)
        return step.effects

    def write(self, name: str, *sources: Stream, to: Callable[[], Output]) -> None:
        """Write streams to a sink."""
        self.writes.append(Write(name, sources, to))
