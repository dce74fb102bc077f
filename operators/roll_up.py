"""From counts to feature vectors: the formulas of one entity over its window table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from operators.evaluate import Floats, evaluate
from operators.measures import Measures, counter
from operators.window_table import WindowTable
from schemas.expression import SESSION_COUNTERS
from schemas.frame import Int64s
from schemas.registry import Feature
from schemas.windows import SESSION

LIFETIME = "lifetime"

_BLOCK = 8192
"""Keys at a time: their counts stay in the cache."""


@dataclass(frozen=True)
class RollUp:
    """Features in vector order, with what their formulas refer to."""

    features: Sequence[Feature]
    constants: Mapping[str, float]
    measures: Measures

    def vectors(
        self, table: WindowTable, slots: Int64s, sessions: Int64s | None = None
    ) -> npt.NDArray[np.float32]:
        """The feature vectors of slots, float32[n, features]: computed in float64 and cast once; NaN is missing.

        `sessions` has the `SESSION_COUNTERS` of the slots, [counters, n]; None where no formula reads them.
        """
        values = np.empty((len(slots), len(self.features)), np.float32)
        for start in range(0, len(slots), _BLOCK):
            block = slice(start, start + _BLOCK)
            own = None if sessions is None else sessions[:, block]
            self._fill(values[block], Counts(table, slots[block], self.measures, own))
        return values

    def _fill(self, values: npt.NDArray[np.float32], counts: "Counts") -> None:
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            for column, feature in enumerate(self.features):
                values[:, column] = evaluate(feature.expression, counts.of(feature.window), self.constants)


@dataclass
class Counts:
    """Counters of some slots by window, each window looked up once."""

    table: WindowTable
    slots: Int64s
    measures: Measures
    sessions: Int64s | None = None
    _windows: dict[str, tuple[Floats, Int64s]] = field(default_factory=dict)
    _counters: dict[tuple[str, str], Floats] = field(default_factory=dict)

    def of(self, window: str) -> "OwnWindow":
        """The same, with `window` where a formula names none."""
        return OwnWindow(self, window)

    def counter(self, name: str, window: str) -> Floats:
        """One counter over one window, float64[n]."""
        if window == SESSION and self.sessions is not None:
            own: Floats = self.sessions[SESSION_COUNTERS.index(name)].astype(np.float64)
            return own
        if (name, window) not in self._counters:
            self._counters[name, window] = counter(self.measures, name, *self._window(window))
        return self._counters[name, window]

    def histogram(self, window: str) -> Floats:
        """The dwell histogram over one window, float64[buckets, n]."""
        return self._window(window)[0][self.measures.buckets : self.measures.other]

    def _window(self, name: str) -> tuple[Floats, Int64s]:
        if name not in self._windows:
            if name == LIFETIME:
                self._windows[name] = self.table.lifetime_counts(self.slots)
            else:
                number = [window.name for window in self.table.windows].index(name)
                self._windows[name] = self.table.window_counts(number, self.slots)
        return self._windows[name]


@dataclass(frozen=True, slots=True)
class OwnWindow:
    """Counters for the formula of a feature over its own window."""

    counts: Counts
    window: str

    def counter(self, name: str, window: str | None) -> Floats:
        """A counter over a window, None: the feature's own."""
        return self.counts.counter(name, window or self.window)

    def histogram(self) -> Floats:
        """The dwell histogram of the feature's own window."""
        return self.counts.histogram(self.window)
