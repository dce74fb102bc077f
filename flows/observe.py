"""What a running flow tells about itself: components stay as their description, this watches them from outside."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from flows.snapshots import Snapshots
from flows.whereabouts import Whereabouts
from schemas import metrics as names
from schemas import reasons
from schemas.effects import AffinitySet, Effect, VectorSet
from schemas.frame import Frame, RawBatch
from sinks.metrics import Metrics
from sinks.redis import RedisSink
from sources.schema_registry import SchemaRegistry
from state.keeper import Keeper

_PAUSE_S = 1.0


class Observer:
    """Counts what happens in this process, as metrics and for whoever shows progress or asks how it is.

    `index` of `processes` is which process of the flow this is. `failed` is the first error of a step. `ends` holds
    the ends of input partitions, by `topic/partition`, as they were seen last.
    """

    def __init__(self, flow: str, index: int = 0, processes: int = 1) -> None:
        self.flow = flow
        self.index = index
        self.processes = processes
        self.started = time.time()
        self.where = Whereabouts()
        self.snapshots = Snapshots(_PAUSE_S)
        self.failed: BaseException | None = None
        self.registry: SchemaRegistry | None = None
        self.ends: Mapping[str, int] = {}
        self.metrics = Metrics()
        self.records = 0
        self.total: int | None = None
        self.refused: Counter[str] = Counter()
        self.watermarks: dict[tuple[str, int], int] = {}
        self.redis: RedisSink | None = None
        self._keepers: list[tuple[str, Keeper]] = []
        self._began = time.monotonic()
        self.metrics.set(names.STARTED, self.started, flow)
        self.metrics.before_reading(self._refresh)

    def expects(self, ends: Mapping[str, int]) -> None:
        """Up to where the flow reads, if it reads up to an end."""
        self.total = sum(ends.values()) if ends else None

    def read(self, batch: RawBatch, records: int, refused: Mapping[str, int]) -> None:
        """A batch was read: its records, and those refused by reason."""
        self.records += records
        self.refused.update(refused)
        self.metrics.add(names.RECORDS_IN, records, self.flow, batch.topic)
        for reason, count in refused.items():
            if reason == reasons.REPEAT:
                self.metrics.add(names.REPEATS, count, self.flow, batch.topic)
            else:
                self.metrics.add(names.DEAD_LETTERS, count, self.flow, batch.topic, reason)

    def accepted(self, frame: Frame) -> None:
        """Rows were accepted: the watermark of their partition stands there now."""
        self.watermarks[frame.topic, frame.partition] = frame.watermark

    def keeps(self, step: str, keeper: Keeper, resumed: bool) -> None:
        """The state of a step, or of one of its partitions, was opened: `resumed` from a snapshot or empty."""
        self._keepers.append((step, keeper))
        self.metrics.set(names.RESUMED, resumed, self.flow, step)

    def saved(self, step: str, keeper: Keeper) -> None:
        """A step has saved what changed."""
        self.snapshots.saved(id(keeper), keeper.snapshot_seconds, keeper.snapshot_bytes)
        self.metrics.observe(names.SNAPSHOT_TIME, keeper.snapshot_seconds, self.flow, step)
        self.metrics.add(names.SNAPSHOT_BYTES, keeper.snapshot_bytes, self.flow, step)

    def acknowledged(self, effects: Sequence[Effect]) -> None:
        """Redis has what these effects said."""
        now_ms = time.time() * 1000
        for effect in effects:
            self.metrics.add(names.RECORDS_OUT, len(effect), self.flow, "redis")
            if isinstance(effect, VectorSet | AffinitySet):
                gone = effect.gone if isinstance(effect, AffinitySet) else False
                fresh = effect.as_of_ms[~(effect.expiry | gone)]
                self.metrics.observe(
                    names.FRESHNESS, np.maximum(now_ms - fresh, 0) / 1000, self.flow, effect.entity
                )

    def fail(self, error: BaseException) -> None:
        """A step has failed: the flow is about to end."""
        self.failed = self.failed or error

    @property
    def kept(self) -> set[str]:
        """The steps whose state is open, in at least one shard."""
        return {step for step, _ in list(self._keepers)}

    def state(self) -> list[tuple[str, int, int]]:
        """Rows and bytes of the state of each step."""
        sizes: dict[str, tuple[int, int]] = {}
        for step, keeper in list(self._keepers):
            rows, size = sizes.get(step, (0, 0))
            sizes[step] = (rows + keeper.rows, size + keeper.bytes)
        return [(step, rows, size) for step, (rows, size) in sorted(sizes.items())]

    def _refresh(self) -> None:
        """Values that change without an event, or that are counted elsewhere: a silent partition falls behind too."""
        now = time.time()
        slowest: dict[str, tuple[int, int]] = {}
        for (topic, partition), mark in list(self.watermarks.items()):
            labels = (self.flow, topic, str(partition))
            self.metrics.set(names.WATERMARK, mark / 1000, *labels)
            self.metrics.set(names.WATERMARK_LAG, now - mark / 1000, *labels)
            slowest[topic] = min(slowest.get(topic, (mark, partition)), (mark, partition))
        for topic, (_, partition) in slowest.items():
            self.metrics.set(names.SLOWEST_PARTITION, partition, self.flow, topic)
        for (topic, partition), where in list(self.where.parts.items()):
            if where.name in self.ends:
                behind = max(self.ends[where.name] - where.offset, 0)
                self.metrics.set(names.BEHIND, behind, self.flow, topic, str(partition))
        for step, rows, size in self.state():
            self.metrics.set(names.STATE_ROWS, rows, self.flow, step)
            self.metrics.set(names.STATE_BYTES, size, self.flow, step)
        if self.redis is not None:
            self.metrics.total(names.REDIS_COMMANDS, self.redis.commands, self.flow)
            self.metrics.total(names.REDIS_ROUND_TRIPS, self.redis.round_trips, self.flow)
            self.metrics.total(names.REDIS_RETRIES, self.redis.retries, self.flow)
            self.metrics.total(names.REDIS_REPLACED, self.redis.server_changes, self.flow)
            self.metrics.total(names.REDIS_BLOCKED, self.redis.pending.blocked_seconds, self.flow)
            self.metrics.set(names.REDIS_HELD, self.redis.pending.bytes, self.flow)
            self.metrics.set(names.UNACKNOWLEDGED, self.redis.pending.oldest_seconds, self.flow)

    def summary(self) -> str:
        """One line on what was done."""
        seconds = time.monotonic() - self._began
        bad = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.refused.items()))
        return (
            f"{self.flow}: {self.records:,} records in {seconds:.1f} s ({self.records / seconds:,.0f}/s), "
            f"set aside: {bad or 'none'}"
        )
