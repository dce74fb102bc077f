"""Runs a drawing in a plain loop: one process, no engine."""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from flows.drawing import Keep, Read, Stream
from flows.kept import Paced
from flows.messages import Batch, Message, rows, spread
from flows.plan import Plan
from flows.shard_part import ShardPart
from state.checkpoint import Checkpoint

IDLE_SECONDS = 0.01


class Loop:
    """All parts of a drawing: read, feed, write, and at each epoch save everything at once."""

    def __init__(self, plan: Plan, stack: ExitStack) -> None:
        self._plan = plan
        self._checkpoint = Checkpoint(plan.state / "loop")
        saved = self._checkpoint.load() or {"parts": {}, "keeps": {}}
        self._parts: list[tuple[Read, ShardPart]] = []
        for read in plan.drawing.reads:
            for shard in range(plan.shards):
                part = plan.part(read, shard, saved["parts"].get(_name(read, shard)))
                stack.callback(part.close)
                self._parts.append((read, part))
        self._keeps: dict[str, dict[int, Paced]] = {}
        for step in plan.drawing.keeps:
            self._keeps[step.name] = {}
            for shard in range(plan.shards if step.takes is None else 1):
                keep = plan.keep(step, shard, saved["keeps"].get(_name(step, shard)))
                stack.callback(keep.kept.close)
                self._keeps[step.name][shard] = keep
        self._outputs = plan.outputs(stack)

    def run(self) -> None:
        """Go on until every input has reached its end or a stop is asked for; raises `HeadraceError`."""
        epoch_at = time.monotonic() + self._plan.epoch_seconds
        while not self._plan.stop.asked and not all(part.done for _, part in self._parts):
            if not self._turn():
                time.sleep(IDLE_SECONDS)
            if time.monotonic() >= epoch_at:
                self._save()
                epoch_at = time.monotonic() + self._plan.epoch_seconds
        self._plan.intake.watch.check()
        for step in self._plan.drawing.keeps:
            for keep in self._keeps[step.name].values():
                self._pass_on(step, keep.on_end())
        self._save()
        self._plan.settle(self._outputs)

    def _turn(self) -> bool:
        """Read each part once; returns whether there was anything."""
        busy = False
        self._plan.intake.watch.check()
        for read, part in self._parts:
            if not part.done and part.wait() <= 0 and (batch := part.read()) is not None:
                busy = True
                self._feed(read, batch)
        for step in self._plan.drawing.keeps:
            for keep in self._keeps[step.name].values():
                self._pass_on(step, keep.on_time())
        return busy

    def _feed(self, read: Read, batch: Batch) -> None:
        self._write(read.refused, batch.refused)
        self._hand_out(read.rows, rows(batch, self._plan.shards))
        for step in self._plan.drawing.spreads:
            if step.source == read.rows:
                self._hand_out(step.items, spread(step.split, batch, self._plan.shards))

    def _hand_out(self, stream: Stream, messages: Iterable[Message]) -> None:
        found = list(messages)
        for step in self._plan.drawing.keeps:
            if step.source == stream:
                for message in found:
                    self._pass_on(step, self._keeps[step.name][message.shard].on_messages([message]))

    def _pass_on(self, step: Keep, effects: list[Any]) -> None:
        taken = self._plan.drawing.taken(step.effects)
        self._write(step.effects, [effect for effect in effects if not isinstance(effect, taken)])
        for gather in self._plan.drawing.keeps:
            if gather.source == step.effects and gather.takes is not None:
                mine = [effect for effect in effects if isinstance(effect, gather.takes)]
                if mine:
                    self._pass_on(gather, self._keeps[gather.name][0].on_messages([Message(0, mine)]))

    def _write(self, stream: Stream, items: Iterable[Any]) -> None:
        items = list(items)
        for step in self._plan.drawing.writes:
            if stream in step.sources and items:
                self._outputs[step.name].write(items)

    def _save(self) -> None:
        for output in self._outputs.values():
            output.flush()
        parts = {_name(read, part.shard): part.snapshot() for read, part in self._parts}
        keeps = {
            _name(step, shard): keep.snapshot()
            for step in self._plan.drawing.keeps
            for shard, keep in self._keeps[step.name].items()
        }
        self._plan.saved()
        self._checkpoint.save({"parts": parts, "keeps": keeps})


def _name(step: Read | Keep, shard: int) -> str:
    return f"{step.name}/{shard}"


def run(plan: Plan) -> None:
    """Run a plan to its end; raises `HeadraceError`."""
    with ExitStack() as stack:
        Loop(plan, stack).run()
