"""What is kept for one kind of entity: which windows its features need, and how its saved state adds up."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from operators.lifetime import FAR
from operators.measures import Measures
from operators.roll_up import LIFETIME
from operators.trending import WINDOW as TREND
from operators.window_state import merge_keys, merge_tiles
from operators.window_table import Window, finest_pane
from schemas.registry import Registry
from schemas.windows import WINDOWS

TOPIC = "interactions"

KEYS = {"post": "post_id", "author": "author_id", "user": "user_id"}
"""The column of an interaction that names each entity."""

IDLE_MS = 90 * 86_400_000
"""A key without events for this long is forgotten; its lifetime starts again."""


@dataclass(frozen=True)
class Entity:
    """One kind of entity by its `name`, with the registry that names its features."""

    name: str
    registry: Registry
    measures: Measures

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The sliding windows, shortest first: those of its features, and what posts trend by."""
        shapes = [
            Window(name, length_ms, pane_ms, shown=name in self.registry.windows(self.name))
            for name, (length_ms, pane_ms) in WINDOWS.items()
            if length_ms is not None and pane_ms is not None
        ]
        needed = [window for window in shapes if window.shown or (self.name, window.name) == ("post", TREND)]
        return tuple(sorted(needed, key=lambda window: window.length_ms))

    @property
    def pane_ms(self) -> int:
        """The pane that events are counted in."""
        return finest_pane(self.windows)

    @property
    def idle_ms(self) -> int | None:
        """The silence that ends a lifetime; None where there are no lifetime features."""
        return IDLE_MS if LIFETIME in self.registry.windows(self.name) else None

    @property
    def is_kept(self) -> bool:
        """Whether anything has to be counted."""
        return bool(self.registry.entity(self.name) or self.windows)

    @property
    def tables(self) -> tuple[str, str]:
        """The names of its saved tables: tiles, then keys."""
        return (f"tiles_{self.name}", f"keys_{self.name}")

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """The sum of parts of one of its tables, panes as coarse as the clock allows."""
        if table == self.tables[1]:
            return merge_keys(parts, self.idle_ms)
        steps = [
            (min(fine.start(facts["clock"]) for fine in self.windows[:number]), window.pane_ms)
            for number, window in enumerate(self.windows)
            if number
        ]
        oldest = self.windows[-1].start(facts["clock"]) if self.windows else FAR
        return merge_tiles(parts, steps, oldest if self.idle_ms is None else -FAR)


def registry_sum(registry: Registry) -> int:
    """A checksum of everything that decides what is in a vector."""
    return zlib.crc32(json.dumps(registry.as_json()).encode())
