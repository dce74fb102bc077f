"""Which records of a partition count: judged in order, against that partition's own past only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from operators.base import Delta, Operator, Saved
from operators.recent_ids import NEVER, RecentIds
from schemas import reasons
from schemas.frame import Erasure, Frame, Int64s
from schemas.partitioner import partition_of

BEGINNING = -(1 << 61)
"""The watermark of a partition that has accepted nothing yet."""

TIME_RANGE_MS = 1 << 41
"""Event times lie within 69 years of the epoch; anything else is not a time in milliseconds."""

IDS = "ids"

Codes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Rows that count, with the watermark after them."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows that don't count: `rows` of the frame that was judged, each with its reason."""

    frame: Frame
    rows: Int64s
    reasons: Sequence[str]


@dataclass(frozen=True)
class Acceptance(Operator):
    """Judges the records of one partition.

    In this order: a time outside the range of times, the wrong partition, ahead of the append time by more than
    `max_ahead_ms`, late, a repeat. The watermark is the largest `min(event time, append time)` of what was accepted
    before; late is more than `allowed_lateness_ms` behind it, or, with `live`, behind the append time. A repeat has
    the event id of an accepted record that is less than `dedupe_horizon_ms` behind the watermark.
    """

    partition: int
    partitions: int
    placed_by: str
    event_id: str | None
    live: bool
    max_ahead_ms: int
    allowed_lateness_ms: int
    dedupe_horizon_ms: int

    def build(self, saved: Saved, shard: int = 0) -> "AcceptanceLogic":
        """The logic, going on from saved ids and watermark."""
        logic = AcceptanceLogic(self, saved.facts.get("watermark", BEGINNING))
        for ids in saved.tables.get(IDS, ()):
            logic.recent.add(ids["event_id"].to_numpy(), ids["at_ms"].to_numpy())
        return logic

    def tables(self) -> Sequence[str]:
        """Only one: ids with their event times."""
        return (IDS,)

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """Ids of all parts that are still within the horizon."""
        oldest = facts["watermark"] - self.dedupe_horizon_ms
        ids = pl.concat([pl.DataFrame(pl.from_arrow(part)) for part in parts])
        return ids.filter(pl.col("at_ms") > oldest).to_arrow()


@dataclass
class AcceptanceLogic:
    """The judge of one partition: its watermark and the ids it accepted lately."""

    config: Acceptance
    watermark: int
    recent: RecentIds = field(default_factory=RecentIds)
    _fresh: list[tuple[Int64s, Int64s]] = field(default_factory=list)

    def on_rows(self, frame: Frame) -> list[Any]:
        """Judge the rows of a frame, in their order; its own watermark is ignored."""
        if not len(frame):
            return []
        config = self.config
        at_ms = frame.int64("at_ms")
        verdict = np.zeros(len(frame), np.int8)
        _judge(verdict, reasons.UNDECODABLE, (at_ms >= TIME_RANGE_MS) | (at_ms <= -TIME_RANGE_MS))
        placed = partition_of(frame.int64(config.placed_by), config.partitions)
        _judge(verdict, reasons.PARTITION, placed != config.partition)
        _judge(verdict, reasons.FUTURE, at_ms > frame.append_ms + config.max_ahead_ms)
        if config.live:
            _judge(verdict, reasons.LATE, at_ms < frame.append_ms - config.allowed_lateness_ms)
        reached = np.minimum(at_ms, frame.append_ms)
        before = self._watermarks(reached, verdict == 0)
        fixed = verdict.copy()
        _judge(verdict, reasons.LATE, at_ms < before[:-1] - config.allowed_lateness_ms)
        if config.event_id is not None:
            before = self._repeats(verdict, fixed, frame.int64(config.event_id), at_ms, reached, before)
        return self._settle(frame, verdict, at_ms, int(before[-1]))

    def on_time(self, clock: int, settled: int) -> list[Any]:
        """Nothing: only records of the partition itself move its watermark."""
        return []

    def erase(self, erasure: Erasure) -> list[Any]:
        """Nothing: the ids of events say nothing of users."""
        return []

    def drain(self, urgent_only: bool) -> list[Any]:
        """Nothing waits here."""
        return []

    def snapshot(self) -> Delta:
        """The ids accepted since the last snapshot, and the watermark."""
        ids = [ids for ids, _ in self._fresh] or [np.empty(0, np.int64)]
        at_ms = [at_ms for _, at_ms in self._fresh] or [np.empty(0, np.int64)]
        self._fresh = []
        table = pa.table({"event_id": np.concatenate(ids), "at_ms": np.concatenate(at_ms)})
        return Delta({IDS: table} if table.num_rows else {}, {"watermark": self.watermark})

    def rewrite(self) -> None:
        """Nothing is written from here."""

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """All rows: merging has left out what is beyond the horizon."""
        return rows

    def _watermarks(self, reached: Int64s, counts: npt.NDArray[np.bool_]) -> Int64s:
        """The watermark before each row, and after the last: int64[n + 1]."""
        steps = np.concatenate(([self.watermark], np.where(counts, reached, BEGINNING)))
        return np.maximum.accumulate(steps)

    def _repeats(
        self, verdict: Codes, fixed: Codes, ids: Int64s, at_ms: Int64s, reached: Int64s, before: Int64s
    ) -> Int64s:
        """Mark repeats; returns the watermarks, which a repeat does not move."""
        horizon = self.config.dedupe_horizon_ms
        latest = self.recent.latest(ids)
        order = np.argsort(ids, kind="stable")
        same = ids[order][1:] == ids[order][:-1]
        again = latest > NEVER
        again[order[1:][same]] = True
        again &= verdict == 0
        if not again.any():
            return before
        known: dict[int, int] = {}
        first = np.zeros(len(ids), np.bool_)
        first[order[:-1][same]] = True
        involved = np.flatnonzero((again | first) & (verdict == 0))
        shift = False
        for row in involved.tolist():
            key = int(ids[row])
            seen = known.get(key, int(latest[row]))
            if seen > before[row] - horizon and seen > NEVER:
                verdict[row] = _CODE[reasons.REPEAT]
                shift |= bool(reached[row] > before[row])
            else:
                known[key] = max(seen, int(at_ms[row]))
        if not shift:
            return before
        verdict[:] = fixed
        return self._one_by_one(verdict, ids, at_ms, reached, latest)

    def _one_by_one(
        self, verdict: Codes, ids: Int64s, at_ms: Int64s, reached: Int64s, latest: Int64s
    ) -> Int64s:
        """The same row by row, for a frame in which a repeat carries a later time than all before it."""
        watermark = self.watermark
        before = [watermark]
        known: dict[int, int] = {}
        for row, fixed in enumerate(verdict.tolist()):
            if not fixed:
                key, at = int(ids[row]), int(at_ms[row])
                seen = known.get(key, int(latest[row]))
                if at < watermark - self.config.allowed_lateness_ms:
                    verdict[row] = _CODE[reasons.LATE]
                elif seen > NEVER and watermark - self.config.dedupe_horizon_ms < seen:
                    verdict[row] = _CODE[reasons.REPEAT]
                else:
                    known[key] = max(seen, at)
                    watermark = max(watermark, int(reached[row]))
            before.append(watermark)
        return np.array(before)

    def _settle(self, frame: Frame, verdict: Codes, at_ms: Int64s, watermark: int) -> list[Any]:
        """Split the frame by verdict and remember what was accepted."""
        self.watermark = watermark
        refused = np.flatnonzero(verdict)
        good = frame
        if len(refused):
            keep = np.flatnonzero(verdict == 0)
            good = Frame(
                frame.topic,
                frame.partition,
                frame.rows.take(pa.array(keep)),
                frame.offsets[keep],
                frame.append_ms[keep],
                watermark,
            )
            at_ms = at_ms[keep]
        if self.config.event_id is not None:
            ids = good.int64(self.config.event_id)
            self.recent.forget(watermark - self.config.dedupe_horizon_ms)
            self.recent.add(ids, at_ms)
            self._fresh.append((ids, at_ms))
        effects: list[Any] = [Accepted(replace(good, watermark=watermark))]
        if len(refused):
            effects.append(Refused(frame, refused, [_REASON[code] for code in verdict[refused].tolist()]))
        return effects


_CODE = {reason: code for code, reason in enumerate(reasons.REASONS, start=1)}
_REASON = {code: reason for reason, code in _CODE.items()}


def _judge(verdict: Codes, reason: str, guilty: npt.NDArray[np.bool_]) -> None:
    verdict[guilty & (verdict == 0)] = _CODE[reason]
