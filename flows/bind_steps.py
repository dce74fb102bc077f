"""The parts of a drawing as bytewax wants them: sources, stateful steps and sinks that answer for a plan."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from flows.drawing import Keep, Output, Read
from flows.failure import Failure
from flows.kept import Paced
from flows.messages import Batch, Message
from flows.plan import Plan


class _Token(Enum):
    SNAPSHOT_DUE = "snapshot due"


SNAPSHOT_DUE = _Token.SNAPSHOT_DUE
"""Says to an output that state has changed: the engine asks only those for a snapshot that were written to."""


class _SourcePart(StatefulSourcePartition[Batch, Any]):
    def __init__(self, plan: Plan, failure: Failure, read: Read, shard: int, saved: Any) -> None:
        self._plan = plan
        self._failure = failure
        self._shard = shard
        self._part = None
        self._told = False
        with failure.guard():
            self._part = plan.part(read, shard, saved)

    def next_batch(self) -> list[Batch]:
        """What was read; before the end of a stop that was asked for, word of it to the other processes."""
        with self._failure.guard():
            self._plan.intake.watch.check()
            if (
                self._part
                and self._failure.error is None
                and not self._plan.stop.asked
                and not self._part.done
            ):
                batch = self._part.read()
                return [] if batch is None else [batch]
        if self._told or (self._part and self._part.done and self._failure.error is None):
            raise StopIteration
        self._told = True
        return [Batch(self._shard, stop=True)]

    def next_awake(self) -> datetime | None:
        wait = self._part.wait() if self._part is not None else 0.0
        return datetime.now(UTC) + timedelta(seconds=wait) if wait > 0 else None

    def snapshot(self) -> Any:
        """What was read; steps that could not use it refuse theirs."""
        if self._part is not None:
            with self._failure.guard():
                return self._part.snapshot()
        self._failure.refuse()
        return None

    def close(self) -> None:
        if self._part is not None:
            self._part.close()


@dataclass
class Source(FixedPartitionedSource[Batch, Any]):
    """The input partitions of a step, those of one shard together, where the shard is kept."""

    plan: Plan
    failure: Failure
    read: Read

    def list_parts(self) -> list[str]:
        """The shards of this process."""
        return [part_name(shard) for shard in self.plan.placement.mine]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _SourcePart:
        """Open the partitions of a shard from their snapshot."""
        return _SourcePart(self.plan, self.failure, self.read, int(for_part), resume_state)


class ShardLogic(StatefulBatchLogic[Message, Any, Any]):
    """The engine does not say which shard it builds a logic for: the snapshot does, or the first message."""

    def __init__(self, plan: Plan, failure: Failure, step: Keep, saved: Any) -> None:
        self._plan = plan
        self._failure = failure
        self._step = step
        self._shard = 0
        self._paced: Paced | None = None
        if saved is not None:
            self._build(saved["shard"], saved["state"])

    def on_batch(self, values: list[Message]) -> tuple[list[Any], bool]:
        if self._paced is None and self._failure.error is None:
            self._build(values[0].shard, None)
        if any(message.stop for message in values) and not self._plan.stop.asked:
            self._plan.stop.ask()
        effects = self._guarded(lambda paced: paced.on_messages(values))
        return [*effects, SNAPSHOT_DUE], False

    def on_notify(self) -> tuple[list[Any], bool]:
        return self._guarded(Paced.on_time), False

    def on_eof(self) -> tuple[list[Any], bool]:
        return [*self._guarded(Paced.on_end), SNAPSHOT_DUE], False

    def notify_at(self) -> datetime | None:
        wait = self._paced.wake_in() if self._paced and self._failure.error is None else None
        return None if wait is None else datetime.now(UTC) + timedelta(seconds=wait)

    def snapshot(self) -> Any:
        state = None
        with self._failure.guard():
            state = self._paced.snapshot() if self._paced else None
        self._failure.refuse()
        return {"shard": self._shard, "state": state}

    def _build(self, shard: int, saved: Any) -> None:
        self._shard = shard
        with self._failure.guard():
            self._paced = self._plan.keep(self._step, shard, saved)

    def _guarded(self, call: Callable[[Paced], list[Any]]) -> list[Any]:
        if self._paced is not None and self._failure.error is None:
            with self._failure.guard():
                return call(self._paced)
        return []


class _SinkPart(StatefulSinkPartition[Any, Any]):
    def __init__(self, plan: Plan, output: Output, failure: Failure) -> None:
        self._plan = plan
        self._output = output
        self._failure = failure

    def write_batch(self, items: list[Any]) -> None:
        with self._failure.guard():
            self._output.write([item for item in items if item is not SNAPSHOT_DUE])

    def snapshot(self) -> Any:
        with self._failure.guard():
            self._output.flush()
            self._plan.saved()
        self._failure.refuse()


@dataclass
class Sink(FixedPartitionedSink[tuple[str, Any], Any]):
    """An output, one in each process: flushed and checked before a snapshot counts, as are the files of the state.

    The engine wants the same partitions whatever the number of processes: they are the shards, and a process writes
    everything through the first of its own.
    """

    plan: Plan
    output: Output
    failure: Failure

    def list_parts(self) -> list[str]:
        """The shards of this process."""
        return [part_name(shard) for shard in self.plan.placement.mine]

    def part_fn(self, item_key: str) -> int:
        """The shard through which an item is written."""
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _SinkPart:
        """The output, which has no state of its own."""
        return _SinkPart(self.plan, self.output, self.failure)


def part_name(shard: int) -> str:
    """The name of a shard among the partitions of a source or a sink."""
    return f"{shard:05d}"
