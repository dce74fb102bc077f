"""Runs a drawing on bytewax: the only place that knows the engine."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from flows.drawing import Keep, Output, Read
from flows.engine_store import engine_store, gist, is_panic
from flows.failure import Failure
from flows.kept import Paced
from flows.messages import Batch, Message, rows, spread
from flows.plan import Plan
from schemas.errors import HeadraceError


class _Token(Enum):
    SNAPSHOT_DUE = "snapshot due"


SNAPSHOT_DUE = _Token.SNAPSHOT_DUE
"""Says to an output that state has changed: the engine asks only those for a snapshot that were written to."""


PEER_GONE = "thread panic"
"""Part of what the engine says when a connection to another process breaks."""


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
        return [_part(shard) for shard in self.plan.placement.mine]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _SourcePart:
        """Open the partitions of a shard from their snapshot."""
        return _SourcePart(self.plan, self.failure, self.read, int(for_part), resume_state)


class _Logic(StatefulBatchLogic[Message, Any, Any]):
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
        return [_part(shard) for shard in self.plan.placement.mine]

    def part_fn(self, item_key: str) -> int:
        """The shard through which an item is written."""
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _SinkPart:
        """The output, which has no state of its own."""
        return _SinkPart(self.plan, self.output, self.failure)


def dataflow(plan: Plan, failure: Failure, outputs: dict[str, Output]) -> Dataflow:
    """The drawing as a bytewax dataflow."""
    flow = Dataflow(plan.drawing.name)
    here = _here(plan)
    messages: dict[str, Callable[[Batch], Iterable[Message]]] = {}
    batches: dict[str, Any] = {}
    streams: dict[str, Any] = {}
    for read in plan.drawing.reads:
        batches[read.rows.name] = op.input(read.name, flow, Source(plan, failure, read))
        messages[read.rows.name] = partial(rows, shards=plan.shards)
        refused = op.flat_map(f"{read.name}_refused", batches[read.rows.name], lambda batch: batch.refused)
        streams[read.refused.name] = op.key_on(f"{read.name}_refused_here", refused, lambda item: here)
    for step in plan.drawing.spreads:
        batches[step.items.name] = batches[step.source.name]
        messages[step.items.name] = partial(spread, step.split, shards=plan.shards)
    for keep in plan.drawing.keeps:
        if keep.takes is None:
            route = partial(_routed, plan, failure, messages[keep.source.name])
            routed = op.flat_map(f"{keep.name}_route", batches[keep.source.name], route)
        else:
            routed = op.flat_map(
                f"{keep.name}_route", streams[keep.source.name], partial(_gathered, plan, keep.takes)
            )
        effects = op.stateful_batch(keep.name, routed, partial(_Logic, plan, failure, keep))
        streams[keep.effects.name] = op.map(f"{keep.name}_here", effects, lambda keyed: (here, keyed[1]))
    for write in plan.drawing.writes:
        sources = [
            op.filter(
                f"{write.name}_{number}",
                streams[source.name],
                partial(_written, plan.drawing.taken(source)),
            )
            for number, source in enumerate(write.sources)
        ]
        together: Any = op.merge(f"{write.name}_all", *sources)
        op.output(write.name, together, Sink(plan, outputs[write.name], failure))
    return flow


def _here(plan: Plan) -> str:
    return _part(next(iter(plan.placement.mine), 0))


def _part(shard: int) -> str:
    return f"{shard:05d}"


def _routed(
    plan: Plan, failure: Failure, messages: Callable[[Batch], Iterable[Message]], batch: Batch
) -> list[tuple[str, Message]]:
    routed: list[tuple[str, Message]] = []
    with failure.guard():
        routed += [(plan.placement.key(message.shard), message) for message in messages(batch)]
    return routed


def _gathered(plan: Plan, takes: type, keyed: tuple[str, Any]) -> list[tuple[str, Message]]:
    return [(plan.placement.key(0), Message(0, (keyed[1],)))] if isinstance(keyed[1], takes) else []


def _written(taken: tuple[type, ...], keyed: tuple[str, Any]) -> bool:
    return not isinstance(keyed[1], taken)


def run(plan: Plan) -> None:
    """Run a plan to its end; raises `HeadraceError`."""
    recovery = RecoveryConfig(str(engine_store(plan.state)), backup_interval=timedelta(0))
    epoch = timedelta(milliseconds=plan.settings.epoch_ms)
    failure = Failure(plan.intake.observer.fail)
    with ExitStack() as stack:
        outputs = plan.outputs(stack)
        stack.callback(failure.speak_again)
        try:
            plan.peers.watch()
            cli_main(
                dataflow(plan, failure, outputs),
                process_id=plan.placement.index if plan.peers.addresses else None,
                addresses=list(plan.peers.addresses) or None,
                epoch_interval=epoch,
                recovery_config=recovery,
            )
        except BaseException as error:
            if failure.error is None:
                if not isinstance(error, Exception) and not is_panic(error):
                    raise
                if plan.peers.addresses and PEER_GONE in str(error):
                    raise HeadraceError(
                        "another process of the cluster went away: see what it said, then start all of them again; "
                        "they go on from their last snapshot"
                    ) from error
                raise HeadraceError(
                    f"the engine stopped ({gist(error)}): make room in {plan.state} and let this user write there; if "
                    "that is not it, report it with the lines above; started again, the flow goes on from its last "
                    "snapshot"
                ) from error
        if failure.error is None:
            plan.settle(outputs)
    if failure.error is not None:
        raise failure.error
