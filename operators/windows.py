"""Feature vectors of posts, authors and users over sliding windows, and the posts that trend."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base import Delta, Operator, Saved
from operators.lifetime import FAR
from operators.measures import Measures
from operators.roll_up import LIFETIME, RollUp
from operators.trending import EVERY_MS, EVERYWHERE, trending
from operators.trending import WINDOW as TREND
from operators.window_state import keys_delta, merge_keys, merge_tiles, restore, tiles_delta
from operators.window_table import EVENT, EXPIRY, Window, WindowTable
from schemas.effects import FeatureSet, Trending, VectorSet
from schemas.frame import Erasure, Frame, Int64s, column
from schemas.registry import Registry
from schemas.windows import WINDOWS

KEYS = {"post": "post_id", "author": "author_id", "user": "user_id"}
"""The column of an interaction that names each entity."""

URGENT = frozenset({"post", "author"})
"""Entities whose vectors must be fresh within a second of an event; others, and expiry, may wait longer."""

IDLE_MS = 90 * 86_400_000
"""A key without events for this long is forgotten; its lifetime starts again."""

TOPIC = "interactions"

_ENOUGH = 20_000


@dataclass(frozen=True)
class Windows(Operator):
    """Keeps every window that the registry's features need and hands out the vectors of keys that changed.

    `examined` is the position table in thousandths (see `Measures`). `ttl_ms` says how long a vector is
    kept for readers.
    """

    registry: Registry
    examined: tuple[int, ...]
    ttl_ms: Mapping[str, int]

    @property
    def measures(self) -> Measures:
        """The columns that events are counted in."""
        return Measures(self.examined)

    def windows(self, entity: str) -> tuple[Window, ...]:
        """The sliding windows of an entity, shortest first: those of its features, and what posts trend by."""
        shapes = [
            Window(name, length_ms, pane_ms, shown=name in self.registry.windows(entity))
            for name, (length_ms, pane_ms) in WINDOWS.items()
            if length_ms is not None and pane_ms is not None
        ]
        needed = [window for window in shapes if window.shown or (entity, window.name) == ("post", TREND)]
        return tuple(sorted(needed, key=lambda window: window.length_ms))

    @cached_property
    def registry_sum(self) -> int:
        """A checksum of everything that decides what is in a vector."""
        return zlib.crc32(json.dumps(self.registry.as_json()).encode())

    def idle_ms(self, entity: str) -> int | None:
        """The silence that ends a lifetime; None for an entity without lifetime features."""
        return IDLE_MS if LIFETIME in self.registry.windows(entity) else None

    def build(self, saved: Saved, shard: int = 0) -> "WindowsLogic":
        """The logic, going on from saved tiles and keys."""
        logic = WindowsLogic(self, saved.facts.get("clock", -FAR), saved.facts.get("epoch", 0))
        for entity, table in logic.tables.items():
            tiles, keys = saved.tables.get(f"tiles_{entity}", ()), saved.tables.get(f"keys_{entity}", ())
            restore(table, tiles, keys, logic.clock, logic.epoch)
            if saved.facts.get("registry") != self.registry_sum:
                table.write_again()
        return logic

    def tables(self) -> Sequence[str]:
        """Tiles and keys of each entity."""
        return [f"{kind}_{entity}" for entity in KEYS for kind in ("tiles", "keys")]

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """The sum of parts of one table, panes as coarse as the clock allows."""
        kind, entity = table.split("_", 1)
        if kind == "keys":
            return merge_keys(parts, self.idle_ms(entity))
        windows = self.windows(entity)
        steps = [
            (min(fine.start(facts["clock"]) for fine in windows[:number]), window.pane_ms)
            for number, window in enumerate(windows)
            if number
        ]
        lifelong = self.idle_ms(entity) is not None
        return merge_tiles(parts, steps, -FAR if lifelong else windows[-1].start(facts["clock"]))


class WindowsLogic:
    """The window tables of all entities, under one clock: the largest watermark of any input partition."""

    def __init__(self, config: Windows, clock: int, epoch: int) -> None:
        self.config = config
        self.clock = clock
        self.epoch = epoch
        self.measures = config.measures
        self.tables = {
            entity: WindowTable(config.windows(entity), self.measures.columns, config.idle_ms(entity))
            for entity in KEYS
            if config.registry.entity(entity) or config.windows(entity)
        }
        self.roll_ups = {
            entity: RollUp(config.registry.entity(entity), config.registry.constants, self.measures)
            for entity in self.tables
        }
        self._trended = -FAR
        self._settled = -FAR
        self._announce = False
        self._reached = clock
        self._waiting: list[pa.RecordBatch] = []

    def on_rows(self, frame: Frame) -> list[Any]:
        """Take in a frame of interactions; those of other topics say nothing.

        Small frames wait for each other: the cost of counting is mostly one of calls.
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
        """Not yet."""
        return []

    def drain(self, urgent_only: bool) -> list[Any]:
        """Vectors of keys that changed: those of events on urgent entities, or of everything; and what trends.

        To a store that has forgotten also the feature set, from which readers learn what the numbers are called.
        """
        self._count()
        effects: list[Any] = []
        if self._announce:
            effects.append(FeatureSet.of(self.config.registry))
            self._announce = False
        for entity, table in self.tables.items():
            if entity in URGENT or not urgent_only:
                effects += self._vectors(entity, table, table.take_due(EVENT), expiry=False)
            if not urgent_only:
                effects += self._vectors(entity, table, table.take_due(EXPIRY), expiry=True)
        if not urgent_only or self.clock // EVERY_MS > self._trended // EVERY_MS:
            self._trended = self.clock
            effects.append(Trending(EVERYWHERE, *trending(self.tables["post"], self.measures)))
        return effects

    def snapshot(self) -> Delta:
        """Tiles and keys that changed since the last snapshot, the clock, and the number of the snapshot."""
        self._count()
        self.epoch += 1
        tables: dict[str, pa.Table] = {}
        for entity, table in self.tables.items():
            tables[f"tiles_{entity}"] = tiles_delta(table)
            tables[f"keys_{entity}"] = keys_delta(table, self.epoch)
            table.forget(self._settled)
        changed = {name: table for name, table in tables.items() if table.num_rows}
        return Delta(
            changed, {"clock": self.clock, "epoch": self.epoch, "registry": self.config.registry_sum}
        )

    def rewrite(self) -> None:
        """Let every key that a reader may still ask for be written again, whether it is there or not."""
        self._count()
        self._announce = True
        for entity, table in self.tables.items():
            table.write_all(self.clock - self.config.ttl_ms[entity])

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """Saved rows of keys that are still known."""
        known = self.tables[table.split("_", 1)[1]].index
        return rows.filter(pa.array(known.find(rows.column("key").to_numpy()) >= 0))

    def _count(self) -> None:
        """Count the rows that wait, then let time pass."""
        if self._waiting:
            rows = pa.concat_batches(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
            self._waiting = []
            at_ms = column(rows, "at_ms")
            columns, dwells, dwell_ms = self.measures.of(rows)
            for entity, table in self.tables.items():
                table.add(column(rows, KEYS[entity]), at_ms, columns, dwells, dwell_ms)
        if self._reached > self.clock:
            self.clock = self._reached
            for table in self.tables.values():
                table.pass_to(self.clock)

    def _vectors(self, entity: str, table: WindowTable, slots: Int64s, expiry: bool) -> list[VectorSet]:
        if not len(slots) or not self.roll_ups[entity].features:
            return []
        values = self.roll_ups[entity].vectors(table, slots)
        return [
            VectorSet(
                entity, table.index.keys[slots], table.as_of(slots), values, np.full(len(slots), expiry)
            )
        ]
