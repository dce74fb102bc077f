"""Trending posts: the lists of all item shards made one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base import Delta, Operator, Saved
from operators.evaluate import Floats
from operators.trending import fastest
from schemas.effects import Trending
from schemas.frame import Erasure, Int64s

TopList = tuple[Int64s, Floats]
"""Posts and their velocities, fastest first."""


@dataclass(frozen=True, slots=True)
class TopPosts:
    """The fastest posts of one item shard by region: of the regions in which they changed.

    The first one after a start, or after a rewrite, has all regions that the shard knows.
    """

    shard: int
    lists: Mapping[str, TopList]

    def __len__(self) -> int:
        return len(self.lists)


@dataclass(frozen=True)
class Trends(Operator):
    """Keeps the last list of each of `shards` item shards: each tells everything at a start, so none is saved."""

    shards: int

    def build(self, saved: Saved, shard: int = 0) -> "TrendsLogic":
        """The logic, which waits for every shard."""
        return TrendsLogic(self)

    def tables(self) -> Sequence[str]:
        """None."""
        return ()

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """Never asked for; raises `KeyError`."""
        raise KeyError(table)


@dataclass
class TrendsLogic:
    """The lists by region and shard. Nothing is handed out before all shards have spoken."""

    config: Trends
    lists: dict[str, dict[int, TopList]] = field(default_factory=dict)
    _heard: set[int] = field(default_factory=set)
    _changed: set[str] = field(default_factory=set)

    def on_rows(self, top: TopPosts) -> list[Any]:
        """Take in what changed in a shard."""
        self._heard.add(top.shard)
        self._changed.update(top.lists)
        for region, found in top.lists.items():
            self.lists.setdefault(region, {})[top.shard] = found
        return []

    def on_time(self, clock: int, settled: int) -> list[Any]:
        """Nothing: shards tell what time does to their lists."""
        return []

    def erase(self, erasure: Erasure) -> list[Any]:
        """Nothing: what is counted here says nothing of users."""
        return []

    def drain(self, urgent_only: bool) -> list[Any]:
        """The lists of regions in which something changed."""
        if len(self._heard) < self.config.shards:
            return []
        effects = [self._merged(region) for region in sorted(self._changed)]
        for effect in effects:
            if not len(effect):
                del self.lists[effect.region]
        self._changed.clear()
        return list(effects)

    def snapshot(self) -> Delta:
        """Nothing."""
        return Delta({}, {})

    def rewrite(self) -> None:
        """Every list is written again."""
        self._changed.update(self.lists)

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """Nothing is saved."""
        return rows

    def _merged(self, region: str) -> Trending:
        lists = self.lists[region].values()
        return Trending(
            region,
            *fastest(
                np.concatenate([posts for posts, _ in lists]), np.concatenate([one for _, one in lists])
            ),
        )
