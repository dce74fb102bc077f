"""What a user is to authors and to content types, by the interactions of one shard's partitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.affinity_table import AffinityTable, PairEntity
from operators.base import Delta, Operator, Saved
from operators.entity import TOPIC, registry_sum
from operators.erased import Erased, merge_erased
from operators.lifetime import FAR
from operators.measures import Measures
from operators.pair_index import NamedPairIndex, PairIndex
from schemas.frame import Erasure, Frame, column
from schemas.registry import PAIRS, Registry

MOST = 128
"""Fields of a hash, beyond which Redis keeps it as a table of twice the memory."""

NAME_BYTES = 64
"""Content types that are longer are not counted, for the same reason."""

ERASED = "erased"
USER, AUTHOR, CONTENT_TYPE = "user_id", "author_id", "content_type"

_RANKED = frozenset({"engagements"})
_ENOUGH = 20_000


@dataclass(frozen=True)
class Affinity(Operator):
    """Keeps windows by user and author and by user and content type, and hands out what changed in users' hashes.

    `examined` is the position table in thousandths (see `Measures`). `ttl_ms` is how long a hash is kept for
    readers, `most` how many fields it may have. None of the effects is urgent.
    """

    registry: Registry
    examined: tuple[int, ...]
    ttl_ms: int
    most: int = MOST

    @property
    def entities(self) -> list[PairEntity]:
        """The kinds of pairs that have features."""
        return [
            PairEntity(name, self.registry, Measures.of_entity(self.registry, name, self.examined, _RANKED))
            for name in PAIRS
            if self.registry.entity(name)
        ]

    def build(self, saved: Saved, shard: int = 0) -> "AffinityLogic":
        """The logic, going on from saved tiles, keys and erasures."""
        return AffinityLogic(self, saved)

    def tables(self) -> Sequence[str]:
        """Tiles and keys of each kind of pair, and who was erased."""
        return (*(name for entity in self.entities for name in entity.tables), ERASED)

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """The sum of parts of one table."""
        if table == ERASED:
            return merge_erased(parts)
        return self._owner(table).merge(table, parts, facts)

    def _owner(self, table: str) -> PairEntity:
        return next(entity for entity in self.entities if table in entity.tables)


class AffinityLogic:
    """The tables of both kinds of pairs, under one clock: the largest watermark of any input partition."""

    def __init__(self, config: Affinity, saved: Saved) -> None:
        self.config = config
        self.clock = saved.facts.get("clock", -FAR)
        self.epoch = saved.facts.get("epoch", 0)
        self.registry_sum = registry_sum(config.registry)
        self.erased = Erased(saved.tables.get(ERASED, ()))
        self.tables = {
            entity.name: AffinityTable(entity, _index(entity.name), saved, config.ttl_ms, config.most)
            for entity in config.entities
        }
        for table in self.tables.values():
            if len(self.erased):
                table.forget_erased(self.erased)
            if saved.facts.get("registry") != self.registry_sum:
                table.table.write_again()
        self._settled = -FAR
        self._reached = self.clock
        self._purge = False
        self._waiting: list[pa.RecordBatch] = []

    def on_rows(self, frame: Frame) -> list[Any]:
        """Take in a frame of interactions; those of other topics say nothing.

        Small frames wait for each other.
        """
        if frame.topic == TOPIC:
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
        """Forget users, with what others were to them as authors; what they did or had later stays.

        Counts are kept by day: the day on which a user was erased goes whole, as far as it was counted before.
        """
        self._count()
        self._purge = True
        erased = replace(self.erased.add(erasure), here=erasure.here)
        return [effect for table in self.tables.values() for effect in table.erase(erased)]

    def drain(self, urgent_only: bool) -> list[Any]:
        """What changed in users' hashes; none of it is urgent."""
        return [] if urgent_only else [*self.drain_ahead(), *self.trail(0, 1.0)]

    def drain_ahead(self) -> list[Any]:
        """What changed in users' hashes, save where only days have left the windows."""
        self._count()
        return [effect for table in self.tables.values() for effect in table.take()]

    def trail(self, least: int, share: float) -> list[Any]:
        """Some of what changed where only days have left the windows."""
        return [effect for table in self.tables.values() for effect in table.trail(least, share)]

    def snapshot(self) -> Delta:
        """Tiles, keys and erasures since the last snapshot, the clock, and from when on pairs are in the hashes."""
        self._count()
        self.epoch += 1
        tables = {ERASED: self.erased.delta()}
        for table in self.tables.values():
            tables |= table.delta(self.epoch)
            table.forget(self._settled)
        purge, self._purge = self._purge, False
        facts = {"clock": self.clock, "epoch": self.epoch, "registry": self.registry_sum}
        facts["since"] = min((table.since for table in self.tables.values()), default=-FAR)
        return Delta({name: table for name, table in tables.items() if table.num_rows}, facts, purge)

    def rewrite(self) -> None:
        """Let every hash that a reader may still ask for be written whole."""
        self._count()
        for table in self.tables.values():
            table.rewrite()

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """Saved rows of pairs that are still known, without what was erased."""
        if table == ERASED:
            return rows
        entity = table.split("_", 1)[1]
        return self.tables[entity].prune(table, rows, self.erased)

    def _count(self) -> None:
        """Count the rows that wait, then let time pass."""
        if self._waiting:
            rows = pa.concat_batches(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
            self._waiting = []
            for name, table in self.tables.items():
                self._add(table, self._counting(name, rows))
        if self._reached > self.clock:
            self.clock = self._reached
            for table in self.tables.values():
                table.table.pass_to(self.clock)

    def _counting(self, name: str, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that count for a kind of pair."""
        counting = np.ones(rows.num_rows, np.bool_)
        if len(self.erased):
            at_ms = column(rows, "at_ms")
            counting &= self.erased.counts(column(rows, USER), at_ms)
            if name == "user_author":
                counting &= self.erased.counts(column(rows, AUTHOR), at_ms)
        if name == "user_type":
            length = pc.fill_null(pc.binary_length(rows.column(CONTENT_TYPE)), NAME_BYTES + 1)
            counting &= length.to_numpy(zero_copy_only=False) <= NAME_BYTES
        return rows if counting.all() else rows.filter(pa.array(counting))

    def _add(self, table: AffinityTable, rows: pa.RecordBatch) -> None:
        other = rows.column(CONTENT_TYPE) if table.entity.name == "user_type" else column(rows, AUTHOR)
        table.add((column(rows, USER), other), column(rows, "at_ms"), table.entity.measures.of(rows))


def _index(entity: str) -> PairIndex:
    return NamedPairIndex() if entity == "user_type" else PairIndex()
