"""What both engines share: which parts a drawing has in this process, where their state lies, and when to stop."""

import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from flows.clock import Clock
from flows.collector import Collector
from flows.drawing import Drawing, Keep, Output, Read
from flows.inputs import Inputs
from flows.intake import Intake, IntakePartition
from flows.kept import Kept, Paced
from flows.peers import Peers
from flows.placement import Placement
from flows.shard_part import ShardPart
from schemas.settings import Settings
from state.durable import Durable


class Waiting(Protocol):
    """What may wait for a service that is away."""

    def hurry(self, seconds: float) -> None:
        """From now on wait at most so long; may be called from a signal handler."""


@dataclass
class Stop:
    """Whether the flow was asked to stop; it then saves its state and ends, and waits `patience_s` for any service."""

    patience_s: float
    asked: bool = False
    _waiting: list[Waiting] = field(default_factory=list)

    @contextmanager
    def on_signals(self) -> Iterator["Stop"]:
        """Let SIGTERM and SIGINT ask for a stop, until the end of the block."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def covers(self, waiting: Iterable[Waiting]) -> None:
        """Let these know as well when a stop is asked for."""
        self._waiting += waiting
        if self.asked:
            self._hurry()

    def ask(self) -> None:
        """Ask for a stop."""
        self.asked = True
        self._hurry()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.ask()

    def _hurry(self) -> None:
        for waiting in self._waiting:
            waiting.hurry(self.patience_s)


@dataclass(frozen=True)
class Plan:
    """One drawing, ready to run in this process.

    `opened` are the logics that run in this process.
    """

    drawing: Drawing
    settings: Settings
    intake: Intake
    state: Path
    inputs: Inputs
    stop: Stop
    placement: Placement
    durable: Durable
    collector: Collector
    peers: Peers
    opened: list[tuple[Keep, Paced]] = field(default_factory=list)

    @property
    def epoch_seconds(self) -> float:
        """Time between two snapshots."""
        return self.settings.epoch_ms / 1000

    @property
    def shards(self) -> int:
        """How many shards there are, in all processes."""
        return self.placement.shards

    def part(self, read: Read, shard: int, saved: Mapping[str, Any] | None) -> ShardPart:
        """Open the input partitions of a shard, from where their snapshot left them; raises `HeadraceError`."""
        self.peers.connected()
        names = [
            f"{topic}/{partition}"
            for topic in read.topics
            if topic in self.inputs.topics
            for partition in range(shard, self.settings.partitions, self.shards)
        ]
        first = {name: self.inputs.first[name] for name in names if name in self.inputs.first}
        return ShardPart(shard, names, first, self.settings.frame_rows, saved, self._open)

    def keep(self, step: Keep, shard: int, saved: Mapping[str, Any] | None) -> Paced:
        """Build the logic of a step for a shard with its state; raises `HeadraceError`."""
        path = self.state / step.name / f"{shard:05d}"
        observer = self.intake.observer
        kept = Kept(step.operator, path, saved, step.name, observer, self.durable, shard)
        awaited = [f"{topic}/{partition}" for topic, partition in self._awaited()]
        paced = Paced(
            kept,
            Clock(awaited, self.settings.allowed_lateness_ms),
            self.settings.flush_ms,
            self.settings.flush_slow_ms,
            self.settings.expiry_per_second,
            turn=self._turn(step, shard),
        )
        self.opened.append((step, paced))
        return paced

    def _turn(self, step: Keep, shard: int) -> float:
        """The turn of a logic among all of the flow, from 0 to 1."""
        keeps = self.drawing.keeps
        return (shard * len(keeps) + keeps.index(step)) / (self.shards * len(keeps))

    def outputs(self, stack: ExitStack) -> dict[str, Output]:
        """Open the sinks, to be closed by `stack`; raises `HeadraceError`."""
        opened: dict[str, Output] = {}
        for write in self.drawing.writes:
            opened[write.name] = write.open()
            stack.callback(opened[write.name].close)
        self.stop.covers(opened.values())
        return opened

    def saved(self) -> None:
        """Wait until the files of a snapshot are durable, so that it may count; raises `HeadraceError`."""
        self.durable.wait()
        self.collector.turn()

    def settle(self, outputs: Mapping[str, Output]) -> None:
        """Write again what a Redis that was replaced at the very end may lack, and let go of what was purged.

        Raises `HeadraceError`.
        """
        for step, paced in self.opened:
            if paced.kept.check_server():
                taken = self.drawing.taken(step.effects)
                effects = [effect for effect in paced.on_end() if not isinstance(effect, taken)]
                for write in self.drawing.writes:
                    if step.effects in write.sources:
                        outputs[write.name].write(effects)
                        outputs[write.name].flush()
            paced.kept.keeper.settle()

    def _open(self, name: str, saved: Mapping[str, Any] | None) -> IntakePartition:
        topic, _, partition = name.rpartition("/")
        return self.intake.open(topic, int(partition), saved, self.inputs.ends.get(name))

    def _awaited(self) -> Iterator[tuple[str, int]]:
        """The partitions whose rows the logics wait for: not those of optional topics, where little happens."""
        for read in self.drawing.reads:
            for topic in read.topics:
                if topic not in read.optional:
                    yield from ((topic, partition) for partition in range(self.settings.partitions))
