"""The posts that move fastest in each region."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.base import Delta, Operator, Saved
from operators.lifetime import FAR
from operators.measures import ENGAGEMENTS, PLAIN
from operators.trending import EVERY_MS, EVERYWHERE, HOUR_MS, fastest
from operators.window_state import keys_delta, merge_keys, merge_tiles, restore, tiles_delta
from operators.window_table import Window, WindowTable
from schemas.effects import Trending
from schemas.frame import Erasure, Frame, Int64s, column
from schemas.windows import WINDOWS

TOPIC = "interactions"
HOUR = Window("1h", HOUR_MS, WINDOWS["1h"].pane_ms or HOUR_MS)
CODES = [PLAIN[name] for name in ENGAGEMENTS]

_NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True)
class RegionTrends(Operator):
    """Keeps the engagements of the last hour by region and post; an interaction without region is not counted."""

    def build(self, saved: Saved, shard: int = 0) -> "RegionTrendsLogic":
        """The logic, going on from saved tiles and keys of each region."""
        logic = RegionTrendsLogic(self, saved.facts.get("clock", -FAR), saved.facts.get("epoch", 0))
        tiles = _by_region(saved.tables.get("tiles", ()))
        for region, keys in _by_region(saved.tables.get("keys", ())).items():
            restore(logic.table(region), tiles.get(region, ()), keys, logic.clock, logic.epoch)
        return logic

    def tables(self) -> Sequence[str]:
        """Tiles and keys of all regions."""
        return ("tiles", "keys")

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """The sum of parts, region by region."""
        merged = [
            _named(
                merge_keys(found, None)
                if table == "keys"
                else merge_tiles(found, (), HOUR.start(facts["clock"])),
                region,
            )
            for region, found in _by_region(parts).items()
        ]
        return pa.concat_tables(merged)


class RegionTrendsLogic:
    """A window table for each region that was met, under one clock."""

    def __init__(self, config: RegionTrends, clock: int, epoch: int) -> None:
        self.config = config
        self.clock = clock
        self.epoch = epoch
        self.regions: dict[str, WindowTable] = {}
        self._written = -FAR
        self._settled = -FAR

    def table(self, region: str) -> WindowTable:
        """The table of a region."""
        if region not in self.regions:
            self.regions[region] = WindowTable((HOUR,), 1, None)
            self.regions[region].pass_to(self.clock)
        return self.regions[region]

    def on_rows(self, frame: Frame) -> list[Any]:
        """Count the engagements of a frame of interactions; those of other topics say nothing."""
        if frame.topic == TOPIC:
            codes = frame.rows.column("type").indices.to_numpy()
            rows = frame.rows.take(pa.array(np.flatnonzero(np.isin(codes, CODES))))
            for region, mine in _regions(rows):
                self._add(self.table(region), rows.take(pa.array(mine)))
        return []

    def on_time(self, clock: int, settled: int) -> list[Any]:
        """Let time pass: panes leave the hour."""
        self._settled = settled
        if clock > self.clock:
            self.clock = clock
            for table in self.regions.values():
                table.pass_to(clock)
        return []

    def erase(self, erasure: Erasure) -> list[Any]:
        """Nothing: what is counted here says nothing of users."""
        return []

    def drain(self, urgent_only: bool) -> list[Any]:
        """The list of each region in which something changed."""
        if urgent_only and self.clock // EVERY_MS <= self._written // EVERY_MS:
            return []
        self._written = self.clock
        effects: list[Any] = []
        for region, table in self.regions.items():
            if table.due.any():
                table.due[:] = 0
                slots = np.arange(table.index.size)
                engagements = table.window_counts(0, slots)[0][0]
                effects.append(Trending(region, *fastest(table.index.keys[slots], engagements)))
        return effects

    def snapshot(self) -> Delta:
        """Tiles and keys that changed, with their region."""
        self.epoch += 1
        tiles, keys = [], []
        for region, table in list(self.regions.items()):
            tiles.append(_named(tiles_delta(table), region))
            keys.append(_named(keys_delta(table, self.epoch), region))
            table.forget(self._settled)
            if not table.due.any() and table.lives.last.max(initial=-FAR) + 2 * HOUR_MS < self._settled:
                del self.regions[region]
        found = {"tiles": tiles, "keys": keys}
        changed = {name: pa.concat_tables(parts) for name, parts in found.items() if parts}
        return Delta(
            {name: table for name, table in changed.items() if table.num_rows},
            {"clock": self.clock, "epoch": self.epoch},
        )

    def rewrite(self) -> None:
        """Every list is written again."""
        for table in self.regions.values():
            table.write_again()

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """Saved rows of posts that their region still knows."""
        known = [rows.slice(0, 0)]
        for region, (part,) in _by_region([rows]).items():
            mine = self.regions.get(region)
            if mine is not None:
                still_there = mine.index.find(column(part, "key")) >= 0
                known.append(_named(part.filter(pa.array(still_there)), region))
        return pa.concat_tables(known)

    def _add(self, table: WindowTable, rows: pa.RecordBatch) -> None:
        none = np.zeros(rows.num_rows, np.int64)
        table.add(column(rows, "post_id"), column(rows, "at_ms"), none, _NOTHING, _NOTHING)


def _regions(rows: pa.RecordBatch) -> Iterator[tuple[str, Int64s]]:
    """Each region of interactions, with its rows; `all` is not the name of a region."""
    encoded = rows.column("region").dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    for code, region in enumerate(encoded.dictionary.to_pylist()):
        if region != EVERYWHERE:
            yield region, np.flatnonzero(codes == code)


def _named(rows: pa.Table, region: str) -> pa.Table:
    names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows.num_rows, np.int32)), pa.array([region]))
    return rows.append_column("region", names.cast(pa.string()))


def _by_region(parts: Sequence[pa.Table]) -> dict[str, list[pa.Table]]:
    """Parts of tables by region, without that column."""
    found: dict[str, list[pa.Table]] = {}
    for part in parts:
        for region in pc.unique(part.column("region")).to_pylist():
            mine = part.filter(pc.equal(part.column("region"), region)).drop_columns("region")
            found.setdefault(region, []).append(mine)
    return found
