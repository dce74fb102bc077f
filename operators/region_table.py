"""The posts that move fastest in each region: engagements of the last hour by region and post."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from operators.base import Saved
from operators.evaluate import Floats
from operators.lifetime import FAR
from operators.pair_index import NamedPairIndex
from operators.partial import Regional
from operators.trending import HOUR, fastest
from operators.window_state import keys_delta, merge_keys, merge_tiles, restore, tiles_delta
from operators.window_table import WindowTable
from schemas.frame import Int64s

TABLES = ("tiles_region", "keys_region")


class RegionTable:
    """A window table of posts in regions, going on from `saved`; `table` is told the time by its owner."""

    def __init__(self, saved: Saved) -> None:
        self.index = NamedPairIndex()
        self.table = WindowTable((HOUR,), 1, None, self.index)
        tiles, keys = (saved.tables.get(name, ()) for name in TABLES)
        restore(self.table, tiles, keys, saved.facts.get("clock", -FAR), saved.facts.get("epoch", 0))

    @property
    def names(self) -> list[str]:
        """The regions that are known."""
        return list(self.index.right.names)

    def add(self, regional: Regional) -> None:
        """Count engagements."""
        if len(regional.groups):
            self.table.add_groups(regional.keys(), regional.groups)

    def take_changed(self) -> set[str]:
        """The regions in which something changed since the last call."""
        due = np.flatnonzero(self.table.due)
        self.table.due[due] = 0
        names = self.names
        return {names[region] for region in np.unique(self.index.rights(due)).tolist()}

    def lists(self, regions: set[str]) -> dict[str, tuple[Int64s, Floats]]:
        """The fastest posts of some regions, and their velocities (engagements per hour)."""
        size, counts = self.index.size, self.table.counts
        live: Int64s = np.flatnonzero(counts.total[:size] != counts.gone[0][:size])
        owners = self.index.rights(live)
        order = np.argsort(owners, kind="stable")
        live = live[order]
        engagements = self.table.window_counts(0, live)[0][0]
        names = self.names
        ends = np.searchsorted(owners[order], np.arange(len(names) + 1))
        found = {}
        for name, start, end in zip(names, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            if name in regions:
                found[name] = fastest(self.index.first(live[start:end]), engagements[start:end])
        return found

    def delta(self, epoch: int) -> dict[str, pa.Table]:
        """Tiles and keys that changed since the last call, by the name of their table."""
        return dict(zip(TABLES, (tiles_delta(self.table), keys_delta(self.table, epoch)), strict=True))

    def prune(self, rows: pa.Table) -> pa.Table:
        """Saved rows of posts that their region still knows."""
        return rows.filter(pa.array(self.index.find(self.index.of(rows)) >= 0))


def merge_regions(table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
    """The sum of parts of one table."""
    if table == TABLES[1]:
        return merge_keys(parts, None)
    return merge_tiles(parts, (), HOUR.start(facts["clock"]))
