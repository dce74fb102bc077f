"""Feature vectors of posts and authors, and the posts that trend, of one item shard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base import Delta, Operator, Saved
from operators.entity import Entity
from operators.erased import Erased, merge_erased
from operators.groups import Groups, join
from operators.lifetime import FAR
from operators.measures import Measures
from operators.partial import ITEMS, Partial, shard_of
from operators.region_table import TABLES as REGION_TABLES
from operators.region_table import RegionTable, merge_regions
from operators.trending import EVERY_MS, EVERYWHERE, trending
from operators.trends import TopList, TopPosts
from operators.vector_table import VectorTable
from schemas.effects import Erase, FeatureSet
from schemas.frame import Erasure
from schemas.registry import Registry

AUTHOR = "author"
ERASED = "erased"

_ENOUGH = 20_000
"""Cells that are counted together: the cost of counting is mostly one of calls."""


@dataclass(frozen=True)
class Items(Operator):
    """Keeps the windows that the features of posts and authors need, of one of `shards` item shards.

    It is fed with `Partial`. `examined` is the position table in thousandths (see `Measures`). `ttl_ms` says how long
    a vector is kept for readers.
    """

    registry: Registry
    examined: tuple[int, ...]
    ttl_ms: Mapping[str, int]
    shards: int = 1

    @property
    def entities(self) -> dict[str, Entity]:
        """What is kept for posts and for authors."""
        return {name: Entity(name, self.registry, Measures(self.examined)) for name in ITEMS}

    def build(self, saved: Saved, shard: int = 0) -> "ItemsLogic":
        """The logic of a shard, going on from saved tiles, keys and erasures."""
        return ItemsLogic(self, saved, shard)

    def tables(self) -> Sequence[str]:
        """Tiles and keys of each entity and of regions, and the authors that were erased."""
        return (*(name for one in self.entities.values() for name in one.tables), *REGION_TABLES, ERASED)

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """The sum of parts of one table."""
        if table == ERASED:
            return merge_erased(parts)
        if table in REGION_TABLES:
            return merge_regions(table, parts, facts)
        return self.entities[table.split("_", 1)[1]].merge(table, parts, facts)


class ItemsLogic:
    """The window tables of a shard, under one clock: the largest watermark of any input partition."""

    def __init__(self, config: Items, saved: Saved, shard: int) -> None:
        self.config = config
        self.shard = shard
        self.clock = saved.facts.get("clock", -FAR)
        self.epoch = saved.facts.get("epoch", 0)
        self.erased = Erased(saved.tables.get(ERASED, ()))
        self.vectors = {
            name: VectorTable(entity, saved, self._erased_of(name))
            for name, entity in config.entities.items()
            if entity.is_kept
        }
        self.regions = RegionTable(saved)
        self._told: dict[str, TopList] = {}
        self._told_all = False
        self._trended = -FAR
        self._settled = -FAR
        self._announce = self._purge = False
        self._reached = self.clock
        self._waiting: list[Partial] = []

    def on_rows(self, partial: Partial) -> list[Any]:
        """Take in what some rows say; small ones wait for each other."""
        self._waiting.append(partial)
        if sum(len(partial) for partial in self._waiting) >= _ENOUGH:
            self._count()
        return []

    def on_time(self, clock: int, settled: int) -> list[Any]:
        """Let time pass: panes leave windows, as soon as what waits is counted."""
        self._reached = max(self._reached, clock)
        self._settled = settled
        return []

    def erase(self, erasure: Erasure) -> list[Any]:
        """Forget erased users as authors, with their vectors; an author met again later begins anew.

        Counts are kept by pane: the pane in which an author was erased goes whole.
        """
        self._count()
        mine = np.flatnonzero(shard_of(erasure.user_ids, self.config.shards) == self.shard)
        if not len(mine) or AUTHOR not in self.vectors:
            return []
        self._purge = True
        erased = self.erased.add(Erasure(erasure.user_ids[mine], erasure.until_ms[mine]))
        return [Erase(AUTHOR, self.vectors[AUTHOR].erase(erased))]

    def drain(self, urgent_only: bool) -> list[Any]:
        """Vectors of keys that changed, by an event or, unless only urgent, in any way; and what trends.

        To a store that has forgotten also the feature set, from which readers learn what the numbers are called.
        """
        return self._drain(urgent_only=True) if urgent_only else [*self.drain_ahead(), *self.trail(0, 1.0)]

    def drain_ahead(self) -> list[Any]:
        """As `drain`, without the vectors of keys that only a long pane has left."""
        return self._drain(urgent_only=False)

    def trail(self, least: int, share: float) -> list[Any]:
        """Some of the vectors of keys that only a long pane has left."""
        return [effect for vectors in self.vectors.values() for effect in vectors.trail(least, share)]

    def snapshot(self) -> Delta:
        """What changed since the last snapshot, the clock, and the number of the snapshot."""
        self._count()
        self.epoch += 1
        tables = self.regions.delta(self.epoch)
        tables[ERASED] = self.erased.delta()
        facts = {"clock": self.clock, "epoch": self.epoch}
        for vectors in self.vectors.values():
            tables |= vectors.delta(self.epoch)
            vectors.table.forget(self._settled)
            facts["registry"] = vectors.registry_sum
        self.regions.table.forget(self._settled)
        self._told = {
            name: self._told[name] for name in (*self.regions.names, EVERYWHERE) if name in self._told
        }
        purge, self._purge = self._purge, False
        return Delta({name: table for name, table in tables.items() if table.num_rows}, facts, purge)

    def rewrite(self) -> None:
        """Let every key that a reader may still ask for be written again, there or not; and every list."""
        self._count()
        self._announce = True
        self._told, self._told_all = {}, False
        for name, vectors in self.vectors.items():
            vectors.table.write_all(self.clock - self.config.ttl_ms[name])

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """Saved rows of keys that are still known, without what was erased."""
        if table == ERASED:
            return rows
        if table in REGION_TABLES:
            return self.regions.prune(rows)
        name = table.split("_", 1)[1]
        return self.vectors[name].prune(table, rows, self._erased_of(name))

    def _drain(self, urgent_only: bool) -> list[Any]:
        self._count()
        effects: list[Any] = []
        if self._announce and self.shard == 0:
            effects.append(FeatureSet.of(self.config.registry))
        self._announce = False
        for vectors in self.vectors.values():
            effects += vectors.take(urgent_only)
        if not urgent_only or self.clock // EVERY_MS > self._trended // EVERY_MS:
            self._trended = self.clock
            effects += self._trends()
        return effects

    def _count(self) -> None:
        """Count what waits, then let time pass."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for name, vectors in self.vectors.items():
                groups = self._counting(name, join([partial.entities[name] for partial in waiting]))
                vectors.table.add_groups(groups.keys, groups)
            for partial in waiting:
                self.regions.add(partial.regional)
        if self._reached > self.clock:
            self.clock = self._reached
            for vectors in self.vectors.values():
                vectors.table.pass_to(self.clock)
            self.regions.table.pass_to(self.clock)

    def _erased_of(self, name: str) -> Erased:
        """Who was erased of an entity: only authors are users."""
        return self.erased if name == AUTHOR else Erased()

    def _counting(self, name: str, groups: Groups) -> Groups:
        """Groups without what erased authors did before."""
        if name == AUTHOR and len(self.erased):
            until_ms = self.erased.until(groups.keys)
            if (groups.first_ms <= until_ms).any():
                return groups.since(until_ms, self.vectors[AUTHOR].table.pane_ms)
        return groups

    def _trends(self) -> list[TopPosts]:
        """The lists that differ from those handed out before; at the first time all of them."""
        changed = self.regions.take_changed()
        lists = self.regions.lists(changed if self._told_all else set(self.regions.names))
        if "post" in self.vectors:
            post = self.vectors["post"]
            lists[EVERYWHERE] = trending(post.table, post.entity.measures)
        news = {name: top for name, top in lists.items() if not self._is_told(name, top)}
        self._told |= news
        if not news and self._told_all:
            return []
        self._told_all = True
        return [TopPosts(self.shard, news)]

    def _is_told(self, name: str, top: TopList) -> bool:
        told = self._told.get(name)
        return told is not None and all(map(np.array_equal, told, top))
