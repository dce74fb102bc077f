"""The vectors of one kind of entity: its window table with the formulas over it, saved and restored."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from operators.base import Saved
from operators.entity import Entity, registry_sum
from operators.erased import Erased
from operators.lifetime import FAR
from operators.roll_up import RollUp
from operators.window_state import DAY_MS, keys_delta, restore, tiles_delta, tiles_taken_out
from operators.window_table import EVENT, EXPIRY, WindowTable
from schemas.effects import VectorSet
from schemas.frame import Erasure, Int64s, column


class VectorTable:
    """A window table of an entity, going on from `saved`; `table` is fed and told the time by its owner.

    The facts `clock`, `epoch` and `registry` of `saved` say how far it had come. Where another registry made the
    vectors that are out, every key waits to be written again.
    """

    def __init__(self, entity: Entity, saved: Saved, erased: Erased) -> None:
        self.entity = entity
        self.table = WindowTable(entity.windows, entity.measures.columns, entity.idle_ms)
        self.roll_up = RollUp(entity.registry.entity(entity.name), entity.registry.constants, entity.measures)
        tiles, keys = (
            [self._counting(name, rows, erased) for rows in saved.tables.get(name, ())]
            for name in entity.tables
        )
        restore(self.table, tiles, keys, saved.facts.get("clock", -FAR), saved.facts.get("epoch", 0))
        self.registry_sum = registry_sum(entity.registry)
        if saved.facts.get("registry") != self.registry_sum:
            self.table.write_again()
        self._taken_out: list[pa.Table] = []

    def take(self, urgent: bool) -> list[VectorSet]:
        """The vectors that wait to be written and may not trail: those of events, unless `urgent` those of expiry."""
        found = self.vectors(self.table.take_due(EVENT), expiry=False)
        return found if urgent else found + self.vectors(self.table.take_due(EXPIRY), expiry=True)

    def trail(self, least: int, share: float) -> list[VectorSet]:
        """Some of the vectors that may trail."""
        return self.vectors(self.table.take_trailing(least, share), expiry=True)

    def vectors(self, slots: Int64s, expiry: bool) -> list[VectorSet]:
        """The vectors of some slots, as of each slot's own time."""
        if not len(slots) or not self.roll_up.features:
            return []
        ids, as_of = self.table.index.keys[slots], self.as_of(slots)
        values = self.values(slots, as_of)
        return [VectorSet(self.entity.name, ids, as_of, values, np.full(len(slots), expiry))]

    def as_of(self, slots: Int64s) -> Int64s:
        """The time as of which the vector of each slot is, ms."""
        return self.table.as_of(slots)

    def values(self, slots: Int64s, as_of: Int64s) -> npt.NDArray[np.float32]:
        """What is in the vectors of slots as of their time, float32[n, features]."""
        return self.roll_up.vectors(self.table, slots)

    def erase(self, erasure: Erasure) -> Int64s:
        """Forget what ids did in panes up to the one of their erasure; returns the ids of which nothing is left."""
        slots = self.table.index.find(erasure.user_ids)
        known = np.flatnonzero(slots >= 0)
        slots, until_ms = slots[known], erasure.until_ms[known]
        self._taken_out.append(tiles_taken_out(self.table, slots, until_ms // self.table.pane_ms))
        left = self.table.erase(slots, until_ms)
        return np.delete(erasure.user_ids, known[left])

    def delta(self, epoch: int) -> dict[str, pa.Table]:
        """Tiles and keys that changed since the last call, by the name of their table."""
        tiles = pa.concat_tables([tiles_delta(self.table), *self._taken_out])
        self._taken_out = []
        return dict(zip(self.entity.tables, (tiles, keys_delta(self.table, epoch)), strict=True))

    def prune(self, name: str, rows: pa.Table, erased: Erased) -> pa.Table:
        """Saved rows of keys that are still known, without what was erased."""
        known = self.table.index.find(column(rows, "key")) >= 0
        return self._counting(name, rows.filter(pa.array(known)), erased)

    def _counting(self, name: str, rows: pa.Table, erased: Erased) -> pa.Table:
        """Saved rows without erased keys and without tiles of days before an erasure.

        Tiles of its day may hold what came later: they add up to that, since what was erased has been taken out.
        """
        if not len(erased):
            return rows
        until_ms = erased.until(column(rows, "key"))
        if name == self.entity.tables[0]:
            counting = column(rows, "pane_ms") >= until_ms // DAY_MS * DAY_MS
        else:
            counting = column(rows, "last_ms") > until_ms
        return rows.filter(pa.array(counting))
