"""An operator's logic together with its state on disk, and the times at which its effects are due."""

import time
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.clock import Clock
from flows.messages import Message
from flows.observe import Observer
from flows.trail import Trail
from operators.base import Logic, Operator, Saved, Trailing
from state.chunks import ChunkStore
from state.durable import Durable
from state.keeper import Keeper

_SERVER = "redis"


class Kept:
    """The logic of a shard, whose state lives in chunks under `path`; its snapshots are manifests, plain data.

    `step` is the name under which the observer tells of it. `ends` says that the next snapshot is the last one.
    """

    def __init__(
        self,
        operator: Operator,
        path: Path,
        manifest: Mapping[str, Any] | None,
        step: str,
        observer: Observer,
        durable: Durable,
        shard: int = 0,
    ) -> None:
        self._step = step
        self._observer = observer
        self._facts: dict[str, int] = {}
        self.server: int | None = None
        self.ends = False
        merges = {table: partial(self._merge, operator, table) for table in operator.tables()}
        self.keeper = Keeper(ChunkStore(path, durable), merges)
        saved = Saved(recall=self.keeper.read)
        if manifest is not None:
            tables, facts = self.keeper.restore(manifest)
            self._facts = facts
            self.server = facts.get(_SERVER)
            saved = Saved(tables, facts, self.keeper.read)
        self.logic: Logic = operator.build(saved, shard)
        observer.keeps(step, self.keeper, manifest is not None)

    def snapshot(self) -> dict[str, Any]:
        """Write what changed since the last snapshot; returns the manifest of all that there is."""
        delta = self.logic.snapshot()
        self._facts = delta.facts if self.server is None else {**delta.facts, _SERVER: self.server}
        manifest = self.keeper.snapshot(delta.tables, self._facts, delta.purge, self.ends)
        self._observer.saved(self._step, self.keeper)
        return manifest

    def check_server(self) -> bool:
        """Whether another Redis answers than the one that was written to before, which may lack what was written.

        Everything still asked for then waits to be written again.
        """
        sink = self._observer.redis
        server = zlib.crc32(sink.server.encode()) if sink is not None and sink.server else self.server
        changed = self.server not in (None, server)
        self.server = server
        if changed:
            self.logic.rewrite()
        return changed

    def close(self) -> None:
        """Stop background work."""
        self.keeper.close()

    def _merge(self, operator: Operator, table: str, parts: list[pa.Table]) -> pa.Table:
        return self.logic.prune(table, operator.merge(table, parts, self._facts))


class Paced:
    """A kept logic that hands out its effects on time: urgent ones after `urgent_ms`, all after `all_ms`.

    What may trail comes in portions, of each kind at least `trail_per_second` keys. `turn`, from 0 to 1, says when
    within `all_ms` its turn is: logics that hand out everything at once would fill the sink, and what is urgent wait.
    """

    def __init__(
        self,
        kept: Kept,
        clock: Clock,
        urgent_ms: int,
        all_ms: int,
        trail_per_second: int,
        turn: float = 0.0,
    ) -> None:
        self.kept = kept
        self._clock = clock
        self._urgent = urgent_ms / 1000
        self._all = all_ms / 1000
        now = time.monotonic()
        self._urgent_at = now
        self._all_at = now + self._all * turn
        self._waiting = True
        self._unsaved = True
        logic = kept.logic
        self._trail = Trail(logic, trail_per_second) if isinstance(logic, Trailing) else None

    def on_messages(self, messages: Sequence[Message]) -> list[Any]:
        """Take in messages; returns the effects that are due by now.

        Erasures go first, so that of the rows after them none is taken for an earlier one.
        """
        logic = self.kept.logic
        effects: list[Any] = []
        for message in messages:
            for erasure in message.erasures:
                effects += logic.erase(erasure)
            for item in message.items:
                effects += logic.on_rows(item)
            self._clock.reach(message.watermarks)
        effects += logic.on_time(self._clock.now, self._clock.settled)
        self._waiting = self._unsaved = True
        return effects + self.on_time()

    def on_time(self) -> list[Any]:
        """Effects that are due by now."""
        now = time.monotonic()
        self._waiting |= self.kept.check_server()
        if not self._waiting or now < self._urgent_at:
            return []
        self._urgent_at = now + self._urgent
        everything = now >= self._all_at
        if everything:
            self._all_at = now + self._all
            self._waiting = False
        return self._drain(everything, now)

    def on_end(self) -> list[Any]:
        """Everything that still waits; the snapshot that follows is the last one."""
        self.kept.ends = True
        self.kept.check_server()
        self._waiting = False
        return self.kept.logic.drain(urgent_only=False)

    def _drain(self, everything: bool, now: float) -> list[Any]:
        logic = self.kept.logic
        if self._trail is None:
            return logic.drain(urgent_only=not everything)
        ahead = self._trail.logic.drain_ahead() if everything else logic.drain(urgent_only=True)
        trailing = self._trail.some(now)
        self._waiting |= bool(trailing)
        return ahead + trailing

    def snapshot(self) -> dict[str, Any]:
        """Save what changed."""
        self._unsaved = False
        return self.kept.snapshot()

    def wake_in(self) -> float | None:
        """Seconds until effects are due, or the next snapshot has something to do; None if nothing waits.

        An engine leaves out the snapshots of what was not woken, and doesn't ask again after one.
        """
        if self._waiting:
            return max(0.0, self._urgent_at - time.monotonic())
        return self._urgent if self._unsaved or self.kept.keeper.busy else None
