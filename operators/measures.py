"""From interactions to columns of counts: every event falls into exactly one column."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.constants import DWELL_EDGES_MS, UNKNOWN_POSITION
from schemas.expression import COUNTERS
from schemas.frame import Int64s
from schemas.registry import Registry
from schemas.windows import SESSION

Floats = npt.NDArray[np.float64]

TYPES = ("impression", "click", "like", "comment", "share", "save", "hide", "report", "dwell")
"""Interaction types that are counted, in the order of their codes; all later codes are not counted."""

PLAIN = {f"{name}s": code for code, name in enumerate(TYPES[1:8], start=1)}
"""Counters that are one column each, with the code of their type."""

ENGAGEMENTS = ("clicks", "likes", "comments", "shares", "saves")
DWELL = TYPES.index("dwell")

HISTOGRAM = "histogram"
EVERYTHING = frozenset({*COUNTERS, HISTOGRAM})
"""What formulas may read."""


@dataclass(frozen=True)
class Measures:
    """The columns: impressions by position class, one for each plain type, dwell buckets, and everything else.

    `examined` is the share of impressions examined at positions 1, 2, ... in thousandths; positions beyond its end
    take the last entry, and an impression without a position counts as examined. At most 40 entries. `used` are the
    counters that are read: position classes and dwell buckets are one column where nothing tells them apart.

    >>> Measures((1000, 500)).columns, Measures((1000, 500), frozenset({"impressions", "clicks"})).columns
    (20, 3)
    """

    examined: tuple[int, ...]
    used: frozenset[str] = EVERYTHING

    @staticmethod
    def of_entity(
        registry: Registry, entity: str, examined: tuple[int, ...], also: frozenset[str] = frozenset()
    ) -> "Measures":
        """What the formulas of an entity read, and the counters `also`."""
        features = registry.entity(entity)
        read = {name for feature in features for name, window in feature.counters if window != SESSION}
        histogram = {HISTOGRAM} if any(feature.has_quantile for feature in features) else set()
        return Measures(examined, also | read | histogram)

    @cached_property
    def plain(self) -> int:
        """The first column of the plain types."""
        return len(self.examined) + 1 if "examined" in self.used else int("impressions" in self.used)

    @cached_property
    def buckets(self) -> int:
        """The first column of dwells."""
        return self.plain + len(self.plain_names)

    @cached_property
    def other(self) -> int:
        """The column of events that no counter counts: they only move the as-of time."""
        if HISTOGRAM in self.used:
            return self.buckets + len(DWELL_EDGES_MS) - 1
        return self.buckets + int("dwell_count" in self.used)

    @cached_property
    def columns(self) -> int:
        """How many columns there are."""
        return self.other + 1

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """Thousandths examined by impression column, float64[plain]."""
        return np.array([*self.examined, UNKNOWN_POSITION], np.float64)

    def column(self, name: str) -> int:
        """The column of a plain counter, by its name in formulas."""
        return self.plain + self.plain_names.index(name)

    def of(self, rows: pa.RecordBatch) -> tuple[Int64s, Int64s, Int64s]:
        """Of each interaction its column, int64[n]; then the rows that report a dwell, and how long it was in ms."""
        codes = rows.column("type").indices.to_numpy().astype(np.int64)
        columns = self._by_code[codes]
        if "examined" in self.used:
            seen = np.flatnonzero(codes == 0)
            position = _filled(rows.column("position"))[seen]
            columns[seen] = np.where(
                position < 1, len(self.examined), np.minimum(position, len(self.examined)) - 1
            )
        dwells = np.flatnonzero(codes == DWELL)
        dwell_ms = _filled(rows.column("dwell_ms").take(pa.array(dwells)))
        reported = dwell_ms >= 0
        dwells, dwell_ms = dwells[reported], np.minimum(dwell_ms[reported], DWELL_EDGES_MS[-1])
        if HISTOGRAM in self.used:
            columns[dwells] = self.buckets + np.searchsorted(DWELL_EDGES_MS[1:-1], dwell_ms, side="right")
        elif "dwell_count" in self.used:
            columns[dwells] = self.buckets
        return columns, dwells, dwell_ms

    @cached_property
    def plain_names(self) -> list[str]:
        """The counters that have a column of their own, in the order of their codes."""
        parts = ENGAGEMENTS if "engagements" in self.used else ()
        return [name for name in PLAIN if name in self.used or name in parts]

    @cached_property
    def _by_code(self) -> Int64s:
        table = np.full(256, self.other, np.int64)
        if self.plain:
            table[0] = 0
        for name in self.plain_names:
            table[PLAIN[name]] = self.column(name)
        return table


def _filled(column: pa.Array) -> Int64s:
    values: Int64s = pc.fill_null(column, -1).to_numpy(zero_copy_only=False)
    return values.astype(np.int64, copy=False)


def counter(measures: Measures, name: str, counts: Floats, dwell_ms: Int64s) -> Floats:
    """A counter of a formula, float64[n], from counts by column [columns, n] and sums of dwell [n]."""
    seen = counts[: measures.plain]
    found: Floats
    match name:
        case "impressions":
            found = seen.sum(axis=0)
        case "examined":
            found = measures.weights @ seen
        case "engagements":
            found = counts[[measures.column(part) for part in ENGAGEMENTS]].sum(axis=0)
        case "dwell_count":
            found = counts[measures.buckets : measures.other].sum(axis=0)
        case "dwell_sum_ms":
            found = dwell_ms.astype(np.float64)
        case _:
            found = counts[measures.column(name)]
    return found
