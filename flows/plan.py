"""What both engines share: which parts a drawing has in this process, where their state lies, and when to stop."""

import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from flows.clock import Clock
from flows.drawing import Drawing, Keep, Output, Read
from flows.intake import Intake, IntakePartition
from flows.kept import Kept, Paced
from schemas.settings import Settings


@dataclass
class Stop:
    """Whether the flow was asked to stop; it then saves its state and ends, and waits `patience_s` for any service."""

    patience_s: float
    asked: bool = False
    _outputs: list[Output] = field(default_factory=list)

    @contextmanager
    def on_signals(self) -> Iterator["Stop"]:
        """Let SIGTERM and SIGINT ask for a stop, until the end of the block."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def covers(self, outputs: Iterable[Output]) -> None:
        """Let these outputs know when a stop is asked for."""
        self._outputs = list(outputs)
        if self.asked:
            self._hurry()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._hurry()

    def _hurry(self) -> None:
        for output in self._outputs:
            output.hurry(self.patience_s)


@dataclass(frozen=True)
class Plan:
    """One drawing, ready to run in this process.

    `ends` holds the offset that a part reads up to, by part name; a part without an entry is read live. `opened` are
    the logics that run in this process.
    """

    drawing: Drawing
    settings: Settings
    intake: Intake
    state: Path
    topics: tuple[str, ...]
    ends: Mapping[str, int]
    stop: Stop
    opened: list[tuple[Keep, Paced]] = field(default_factory=list)

    @property
    def epoch_seconds(self) -> float:
        """Time between two snapshots."""
        return self.settings.epoch_ms / 1000

    def parts(self, read: Read) -> list[str]:
        """The input partitions of a step, as `topic/partition`."""
        topics = [topic for topic in read.topics if topic in self.topics]
        return [f"{topic}/{partition}" for topic in topics for partition in range(self.settings.partitions)]

    def open(self, part: str, saved: Mapping[str, Any] | None) -> IntakePartition:
        """Open an input partition, from where its snapshot left it; raises `HeadraceError`."""
        topic, _, partition = part.rpartition("/")
        return self.intake.open(topic, int(partition), saved, self.ends.get(part))

    def keep(self, step: Keep, saved: Mapping[str, Any] | None) -> Paced:
        """Build the logic of a step with its state; raises `HeadraceError`."""
        kept = Kept(step.operator, self.state / step.name, saved, step.name, self.intake.observer)
        clock = Clock(
            [f"interactions/{partition}" for partition in range(self.settings.partitions)],
            self.settings.allowed_lateness_ms,
        )
        paced = Paced(kept, clock, self.settings.flush_ms, self.settings.flush_slow_ms)
        self.opened.append((step, paced))
        return paced

    def outputs(self, stack: ExitStack) -> dict[str, Output]:
        """Open the sinks, to be closed by `stack`; raises `HeadraceError`."""
        opened: dict[str, Output] = {}
        for write in self.drawing.writes:
            opened[write.name] = write.open()
            stack.callback(opened[write.name].close)
        self.stop.covers(opened.values())
        return opened

    def settle(self, outputs: Mapping[str, Output]) -> None:
        """Write again what a Redis that was replaced at the very end may lack; raises `HeadraceError`."""
        for step, paced in self.opened:
            if paced.kept.check_server():
                effects = paced.on_end()
                for write in self.drawing.writes:
                    if step.effects in write.sources:
                        outputs[write.name].write(effects)
                        outputs[write.name].flush()
