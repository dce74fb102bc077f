"""Runs a drawing on bytewax: the only place that knows the engine."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
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
from flows.intake import Item
from flows.plan import Plan
from schemas.errors import HeadraceError
from schemas.frame import DeadLetters, Frame

ONLY = "0"
"""The one key and the one output partition that a process has."""


@dataclass
class Failure:
    """The first error of any step. From then on inputs end and nothing is computed; what lies between steps is written.

    So a dead letter that was read reaches its topic also when there were too many of them.
    """

    error: BaseException | None = None
    _stderr: int | None = field(default=None, repr=False)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Remember an error instead of raising it into the engine, which would print its own trace."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - raised again when the engine has stopped
            self.error = self.error or error

    def refuse(self) -> None:
        """Raise if there was an error: a snapshot must not count then. The engine's own words are kept quiet."""
        if self.error is not None:
            if self._stderr is None:
                self._stderr = os.dup(2)
                with Path(os.devnull).open("w") as nowhere:
                    os.dup2(nowhere.fileno(), 2)
            raise self.error

    def speak_again(self) -> None:
        """Give stderr back."""
        if self._stderr is not None:
            os.dup2(self._stderr, 2)
            os.close(self._stderr)
            self._stderr = None


class _SourcePart(StatefulSourcePartition[Item, Any]):
    def __init__(self, plan: Plan, failure: Failure, part: str, saved: Any) -> None:
        self._plan = plan
        self._failure = failure
        self._part = None
        with failure.guard():
            self._part = plan.open(part, saved)

    def next_batch(self) -> list[Item]:
        with self._failure.guard():
            self._plan.intake.watch.check()
            if (
                self._failure.error is None
                and not self._plan.stop.asked
                and self._part
                and not self._part.done
            ):
                return self._part.read()
        raise StopIteration

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
class Source(FixedPartitionedSource[Item, Any]):
    """The input partitions of a step."""

    plan: Plan
    failure: Failure
    read: Read

    def list_parts(self) -> list[str]:
        """The names of the partitions."""
        return self.plan.parts(self.read)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _SourcePart:
        """Open a partition from its snapshot."""
        return _SourcePart(self.plan, self.failure, for_part, resume_state)


class _Logic(StatefulBatchLogic[Frame, Any, Any]):
    def __init__(self, plan: Plan, failure: Failure, step: Keep, saved: Any) -> None:
        self._failure = failure
        self._paced = None
        with failure.guard():
            self._paced = plan.keep(step, saved)

    def on_batch(self, values: list[Frame]) -> tuple[list[Any], bool]:
        return self._guarded(lambda: self._paced.on_frames(values) if self._paced else [])

    def on_notify(self) -> tuple[list[Any], bool]:
        return self._guarded(lambda: self._paced.on_time() if self._paced else [])

    def on_eof(self) -> tuple[list[Any], bool]:
        return self._guarded(lambda: self._paced.on_end() if self._paced else [])

    def notify_at(self) -> datetime | None:
        wait = self._paced.wake_in() if self._paced and self._failure.error is None else None
        return None if wait is None else datetime.now(UTC) + timedelta(seconds=wait)

    def snapshot(self) -> Any:
        state = None
        with self._failure.guard():
            state = self._paced.snapshot() if self._paced else None
        self._failure.refuse()
        return state

    def _guarded(self, call: Callable[[], list[Any]]) -> tuple[list[Any], bool]:
        if self._failure.error is None:
            with self._failure.guard():
                return call(), False
        return [], False


class _SinkPart(StatefulSinkPartition[Any, Any]):
    def __init__(self, output: Output, failure: Failure) -> None:
        self._output = output
        self._failure = failure

    def write_batch(self, items: list[Any]) -> None:
        with self._failure.guard():
            self._output.write(items)

    def snapshot(self) -> Any:
        with self._failure.guard():
            self._output.flush()
        self._failure.refuse()


@dataclass
class Sink(FixedPartitionedSink[tuple[str, Any], Any]):
    """An output of this process: flushed and checked before a snapshot counts."""

    output: Output
    failure: Failure

    def list_parts(self) -> list[str]:
        """One partition."""
        return [ONLY]

    def part_fn(self, item_key: str) -> int:
        """Everything goes to the one partition."""
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _SinkPart:
        """The output, which has no state of its own."""
        return _SinkPart(self.output, self.failure)


def dataflow(plan: Plan, failure: Failure, outputs: dict[str, Output]) -> Dataflow:
    """The drawing as a bytewax dataflow."""
    flow = Dataflow(plan.drawing.name)
    streams: dict[str, Any] = {}
    for read in plan.drawing.reads:
        items = op.input(read.name, flow, Source(plan, failure, read))
        rows = op.filter(f"{read.name}_rows", items, lambda item: isinstance(item, Frame))
        refused = op.filter(f"{read.name}_refused", items, lambda item: isinstance(item, DeadLetters))
        streams[read.rows.name] = op.key_on(f"{read.name}_rows_here", rows, lambda item: ONLY)
        streams[read.refused.name] = op.key_on(f"{read.name}_refused_here", refused, lambda item: ONLY)
    for keep in plan.drawing.keeps:
        build = partial(_Logic, plan, failure, keep)
        streams[keep.effects.name] = op.stateful_batch(keep.name, streams[keep.source.name], build)
    for write in plan.drawing.writes:
        together: Any = op.merge(f"{write.name}_all", *(streams[source.name] for source in write.sources))
        op.output(write.name, together, Sink(outputs[write.name], failure))
    return flow


def run(plan: Plan) -> None:
    """Run a plan to its end; raises `HeadraceError`."""
    recovery = RecoveryConfig(str(engine_store(plan.state)), backup_interval=timedelta(0))
    epoch = timedelta(milliseconds=plan.settings.epoch_ms)
    failure = Failure()
    with ExitStack() as stack:
        outputs = plan.outputs(stack)
        stack.callback(failure.speak_again)
        try:
            cli_main(dataflow(plan, failure, outputs), epoch_interval=epoch, recovery_config=recovery)
        except BaseException as error:
            if failure.error is None:
                if not isinstance(error, Exception) and not is_panic(error):
                    raise
                raise HeadraceError(
                    f"the engine stopped ({gist(error)}): make room in {plan.state} and let this user write there; if "
                    "that is not it, report it with the lines above; started again, the flow goes on from its last "
                    "snapshot"
                ) from error
        if failure.error is None:
            plan.settle(outputs)
    if failure.error is not None:
        raise failure.error
