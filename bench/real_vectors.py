"""Feature vectors of a whole history at once: running sums over the events of each key, looked up by time.

Written from docs/contract.md and docs/features.md; takes its features from `headrace features --registry --json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from bench.real_acceptance import Int64s, Judged
from bench.real_formula import BUCKETS, Floats, evaluate
from bench.real_sessions import Sessions, sessions

KEYS = {"post": "post_id", "author": "author_id", "user": "user_id"}
PLAIN = ("impression", "click", "like", "comment", "share", "save", "hide", "report")
ENGAGEMENTS = ("clicks", "likes", "comments", "shares", "saves")
LIFETIME, SESSION = "lifetime", "session"
IDLE_MS = 90 * 86_400_000
UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
PANES = {
    "5m": "10s",
    "30m": "10s",
    "1h": "1m",
    "24h": "1h",
    "7d": "1d",
    "30d": "1d",
    LIFETIME: None,
    SESSION: "1m",
}

Registry = Mapping[str, Any]


@dataclass(frozen=True)
class Vectors:
    """The vectors of one entity, in order of key: keys int64[n], as-of times int64[n], values float32[n, features]."""

    keys: Int64s
    as_of_ms: Int64s
    values: npt.NDArray[np.float32]


def recomputed(judged: Judged, registry: Registry) -> dict[str, Vectors]:
    """The vectors of all posts, authors and users with accepted events."""
    events = judged.accepted
    at_ms = events["at_ms"].to_numpy()
    counts = counted(events, registry["constants"])
    found = {}
    for entity, column in KEYS.items():
        history = History(events[column].to_numpy(), at_ms, counts)
        own = sessions(events, history.keys) if entity == "user" else None
        found[entity] = vectors(history, own, judged.clock, registry, entity)
    return found


def counted(events: pl.DataFrame, constants: Mapping[str, float]) -> dict[str, Int64s]:
    """What each event adds to each counter, int64[n]."""
    kind = events["type"].cast(pl.String)
    counts = {f"{name}s": (kind == name).to_numpy().astype(np.int64) for name in PLAIN}
    counts["engagements"] = sum((counts[name] for name in ENGAGEMENTS), np.zeros(len(kind), np.int64))
    curve = [int(constants[name]) for name in constants if name.startswith("e_") and name != "e_null"]
    position = events["position"].fill_null(0).to_numpy()
    weights = np.array([int(constants["e_null"]), *curve])
    counts["examined"] = weights[np.clip(position, 0, len(curve))] * counts["impressions"]
    dwell = events["dwell_ms"].cast(pl.Int64).fill_null(-1).to_numpy()
    edges = np.array([constants[f"edge_{index}"] for index in range(BUCKETS + 1)])
    reported = (kind == "dwell").to_numpy() & (dwell >= 0)
    dwell = np.minimum(dwell, int(edges[-1]))
    counts["dwell_count"] = reported.astype(np.int64)
    counts["dwell_sum_ms"] = np.where(reported, dwell, 0)
    for index, (low, high) in enumerate(zip(edges[:-1], [*edges[1:-1], np.inf], strict=True)):
        counts[f"bucket_{index}"] = (reported & (low <= dwell) & (dwell < high)).astype(np.int64)
    return counts


class History:
    """The events of every key in order of key and time, with running sums of the counters."""

    def __init__(self, keys: Int64s, at_ms: Int64s, counts: Mapping[str, Int64s]) -> None:
        order = np.lexsort((at_ms, keys))
        self.at_ms = at_ms[order]
        self.keys, self.first = np.unique(keys[order], return_index=True)
        self.end = np.append(self.first[1:], len(order))
        self._sums = {name: np.append(0, np.cumsum(count[order])) for name, count in counts.items()}
        self._base = int(at_ms.min()) if len(at_ms) else 0
        self._span = int(at_ms.max(initial=self._base)) - self._base + 2
        self._place = np.repeat(self._starts, self.end - self.first) + self.at_ms - self._base

    @property
    def _starts(self) -> Int64s:
        return np.arange(len(self.keys)) * self._span

    def row(self, from_ms: Int64s | int) -> Int64s:
        """The first row of each key that is not before a time; the end of the key if there is none."""
        wanted = self._starts + np.clip(from_ms - self._base, 0, self._span - 1)
        rows: Int64s = np.searchsorted(self._place, wanted)
        return rows

    def life(self) -> Int64s:
        """The first row of each key after its last silence of more than 90 days."""
        silent = np.flatnonzero(np.diff(self.at_ms) > IDLE_MS) + 1
        last = np.append(-1, silent)[np.searchsorted(silent, self.end - 1, side="right")]
        begins: Int64s = np.maximum(last, self.first)
        return begins

    def total(self, name: str, rows: Int64s) -> Floats:
        """A counter from a row on to the end of each key, float64[n]."""
        sums = self._sums[name]
        total: Floats = (sums[self.end] - sums[rows]).astype(np.float64)
        return total


def vectors(history: History, own: Sessions | None, clock: int, registry: Registry, entity: str) -> Vectors:
    """As-of times and values of every key of an entity, users with their sessions; without features no vectors."""
    features = [feature for feature in registry["features"] if feature["entity"] == entity]
    if not features:
        return Vectors(history.keys[:0], history.at_ms[:0], np.empty((0, 0), np.float32))
    used = {feature["window"] for feature in features}
    used |= {name for name in PANES for feature in features if f"_{name}" in feature["formula"]}
    as_of = history.at_ms[history.end - 1].copy()
    for window in used - {LIFETIME, SESSION}:
        length, pane = shape(window)
        row = history.row((clock - length) // pane * pane) - 1
        left = history.at_ms[row] // pane * pane + pane + length
        as_of = np.where(row >= history.first, np.maximum(as_of, left), as_of)
    if own is not None and SESSION in used:
        as_of = np.where(own.end_ms <= clock, np.maximum(as_of, own.end_ms), as_of)
    starts = {}
    for window in used - {SESSION}:
        length, pane = shape(window)
        starts[window] = history.row((as_of - length) // pane * pane) if length else history.life()
    values = np.empty((len(history.keys), len(features)), np.float32)
    for number, feature in enumerate(features):
        assert feature["pane"] == PANES[feature["window"]], feature

        def counter(name: str, window: str = feature["window"]) -> Floats:
            head, _, tail = name.rpartition("_")
            if tail in PANES:
                name, window = head, tail
            if own is not None and window == SESSION:
                return own.of(name, as_of).astype(np.float64)
            return history.total(name, starts[window])

        values[:, number] = evaluate(feature["formula"], registry["constants"], counter)
    return Vectors(history.keys, as_of, values)


def shape(window: str) -> tuple[int, int]:
    """Length and pane of a window in ms; 0 for the lifetime."""
    pane = PANES[window]
    return (0, 1) if pane is None else (_ms(window), _ms(pane))


def _ms(duration: str) -> int:
    return int(duration[:-1]) * UNITS_MS[duration[-1]]
