"""Runs a drawing in a plain loop: one process, no engine."""

import time
from contextlib import ExitStack

from flows.drawing import Stream
from flows.intake import IntakePartition, Item
from flows.kept import Paced
from flows.plan import Plan
from schemas.frame import Frame
from state.checkpoint import Checkpoint

IDLE_SECONDS = 0.01


class Loop:
    """All parts of a drawing: read, feed, write, and at each epoch save everything at once."""

    def __init__(self, plan: Plan, stack: ExitStack) -> None:
        self._plan = plan
        self._checkpoint = Checkpoint(plan.state / "loop")
        saved = self._checkpoint.load() or {"parts": {}, "keeps": {}}
        self._reads: dict[str, dict[str, IntakePartition]] = {}
        for read in plan.drawing.reads:
            self._reads[read.name] = {
                part: plan.open(part, saved["parts"].get(part)) for part in plan.parts(read)
            }
        self._keeps: dict[str, Paced] = {
            step.name: plan.keep(step, saved["keeps"].get(step.name)) for step in plan.drawing.keeps
        }
        self._outputs = plan.outputs(stack)
        for parts in self._reads.values():
            for part in parts.values():
                stack.callback(part.close)
        for keep in self._keeps.values():
            stack.callback(keep.kept.close)

    def run(self) -> None:
        """Go on until every input has reached its end or a stop is asked for; raises `HeadraceError`."""
        epoch_at = time.monotonic() + self._plan.epoch_seconds
        while not self._plan.stop.asked and self._unfinished():
            if not self._turn():
                time.sleep(IDLE_SECONDS)
            if time.monotonic() >= epoch_at:
                self._save()
                epoch_at = time.monotonic() + self._plan.epoch_seconds
        self._plan.intake.watch.check()
        for step in self._plan.drawing.keeps:
            self._write(step.effects, self._keeps[step.name].on_end())
        self._save()
        self._plan.settle(self._outputs)

    def _unfinished(self) -> bool:
        return any(not part.done for parts in self._reads.values() for part in parts.values())

    def _turn(self) -> bool:
        """Read each part once; returns whether there was anything."""
        busy = False
        self._plan.intake.watch.check()
        for read in self._plan.drawing.reads:
            for part in self._reads[read.name].values():
                if not part.done and part.wait() <= 0:
                    items = part.read()
                    busy |= bool(items)
                    self._feed(read.rows, read.refused, items)
        for step in self._plan.drawing.keeps:
            self._write(step.effects, self._keeps[step.name].on_time())
        return busy

    def _feed(self, rows: Stream, refused: Stream, items: list[Item]) -> None:
        frames = [item for item in items if isinstance(item, Frame)]
        self._write(refused, [item for item in items if not isinstance(item, Frame)])
        for step in self._plan.drawing.keeps:
            if step.source == rows and frames:
                self._write(step.effects, self._keeps[step.name].on_frames(frames))

    def _write(self, stream: Stream, items: list[Item]) -> None:
        for step in self._plan.drawing.writes:
            if stream in step.sources and items:
                self._outputs[step.name].write(items)

    def _save(self) -> None:
        for output in self._outputs.values():
            output.flush()
        parts = {name: part.snapshot() for parts in self._reads.values() for name, part in parts.items()}
        keeps = {name: keep.snapshot() for name, keep in self._keeps.items()}
        self._checkpoint.save({"parts": parts, "keeps": keeps})


def run(plan: Plan) -> None:
    """Run a plan to its end; raises `HeadraceError`."""
    with ExitStack() as stack:
        Loop(plan, stack).run()
