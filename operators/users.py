"""Feature vectors of users, from the interactions of one shard's partitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from operators.base import Delta, Operator, Saved
from operators.entity import KEYS, TOPIC, Entity
from operators.erased import Erased, merge_erased
from operators.lifetime import FAR
from operators.measures import Measures
from operators.session_state import TABLES as SESSIONS
from operators.session_state import merge_sessions
from operators.user_vectors import UserVectors
from schemas.effects import Erase
from schemas.frame import Erasure, Frame, column
from schemas.registry import Registry

NAME = "user"
ERASED = "erased"

_ENOUGH = 20_000
"""Rows that are counted together: the cost of counting is mostly one of calls."""


@dataclass(frozen=True)
class Users(Operator):
    """Keeps the windows and sessions that the features of users need and hands out the vectors of users that changed.

    `examined` is the position table in thousandths (see `Measures`). `ttl_ms` says how long a vector is
    kept for readers.
    """

    registry: Registry
    examined: tuple[int, ...]
    ttl_ms: Mapping[str, int]

    @property
    def entity(self) -> Entity:
        """What is kept for users."""
        return Entity(NAME, self.registry, Measures(self.examined))

    def build(self, saved: Saved, shard: int = 0) -> "UsersLogic":
        """The logic, going on from saved tiles, keys and erasures."""
        return UsersLogic(self, saved)

    def tables(self) -> Sequence[str]:
        """Tiles and keys, sessions, and who was erased."""
        return (*self.entity.tables, *SESSIONS, ERASED)

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """The sum of parts of one table."""
        if table in SESSIONS:
            return merge_sessions(table, parts, facts["settled"])
        return merge_erased(parts) if table == ERASED else self.entity.merge(table, parts, facts)


class UsersLogic:
    """The window table of users, under one clock: the largest watermark of any input partition."""

    def __init__(self, config: Users, saved: Saved) -> None:
        self.config = config
        self.clock = saved.facts.get("clock", -FAR)
        self.epoch = saved.facts.get("epoch", 0)
        self.erased = Erased(saved.tables.get(ERASED, ()))
        self.vectors = UserVectors(config.entity, saved, self.erased)
        self._settled = -FAR
        self._reached = self.clock
        self._purge = False
        self._waiting: list[pa.RecordBatch] = []

    def on_rows(self, frame: Frame) -> list[Any]:
        """Take in a frame of interactions; those of other topics say nothing.

        Small frames wait for each other.
        """
        if frame.topic == TOPIC and self.vectors.entity.is_kept:
            self._waiting.append(frame.rows)
        if sum(rows.num_rows for rows in self._waiting) >= _ENOUGH:
            self._count()
        return []

    def on_time(self, clock: int, settled: int) -> list[Any]:
        """Let time pass: panes leave windows, as soon as the rows that wait are counted."""
        self._reached = max(self._reached, clock)
        self._settled = settled
        return []

    def erase(self, erasure: Erasure) -> list[Any]:
        """Forget users with their vectors; who did something later keeps that.

        Counts are kept by pane: the pane in which a user was erased goes whole, as far as it was counted before.
        Users of other shards are theirs to forget: from here that might undo what they have written since.
        """
        if not erasure.here:
            return []
        self._count()
        self._purge = True
        return [Erase(NAME, self.vectors.erase(self.erased.add(erasure)))]

    def drain(self, urgent_only: bool) -> list[Any]:
        """Vectors of users that changed; none of them is urgent."""
        return [] if urgent_only else [*self.drain_ahead(), *self.trail(0, 1.0)]

    def drain_ahead(self) -> list[Any]:
        """Vectors of users that changed, save those that only a long pane has left."""
        self._count()
        return list(self.vectors.take(urgent=False))

    def trail(self, least: int, share: float) -> list[Any]:
        """Some of the vectors of users that only a long pane has left."""
        return list(self.vectors.trail(least, share))

    def snapshot(self) -> Delta:
        """Tiles, keys and erasures since the last snapshot, the clock, and the number of the snapshot."""
        self._count()
        self.epoch += 1
        tables = {**self.vectors.delta(self.epoch), **self.vectors.forget(self._settled)}
        tables[ERASED] = self.erased.delta()
        purge, self._purge = self._purge, False
        facts = {"clock": self.clock, "settled": self._settled, "epoch": self.epoch}
        facts["registry"] = self.vectors.registry_sum
        return Delta({name: table for name, table in tables.items() if table.num_rows}, facts, purge)

    def rewrite(self) -> None:
        """Let every user that a reader may still ask for be written again, there or not."""
        self._count()
        self.vectors.table.write_all(self.clock - self.config.ttl_ms[NAME])

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """Saved rows of users that are still known, without what was erased."""
        return rows if table == ERASED else self.vectors.prune(table, rows, self.erased)

    def _count(self) -> None:
        """Count the rows that wait, then let time pass."""
        if self._waiting:
            rows = pa.concat_batches(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
            self._waiting = []
            self._add(rows)
        if self._reached > self.clock:
            self.clock = self._reached
        self.vectors.pass_to(self.clock, self._settled)

    def _add(self, rows: pa.RecordBatch) -> None:
        if len(self.erased):
            counting = self.erased.counts(column(rows, KEYS[NAME]), column(rows, "at_ms"))
            rows = rows if counting.all() else rows.filter(pa.array(counting))
        self.vectors.add(rows)
