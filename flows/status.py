"""What a running flow says of itself at `/status`, as one JSON object."""

import os
import socket
import time
from typing import Final

from msgspec import Struct

from flows.health import Check, Health
from flows.looks import Look, Looks
from flows.observe import Observer
from flows.snapshots import Snapshot
from flows.whereabouts import Where
from flows.why import Why, why

MS: Final = 1000
NEVER: Final = -(1 << 60)
"""Watermarks below are those of partitions without an accepted record."""


class PartitionStatus(Struct, frozen=True, kw_only=True):
    """One input partition: the next offset to read, the end of the log if it answers, and why it is where it is.

    `optional` says that the flow does without this topic. `watermark_lag_ms` is the machine's clock less the watermark.
    """

    topic: str
    partition: int
    optional: bool
    offset: int
    end: int | None
    behind: int | None
    watermark_ms: int | None
    watermark_lag_ms: int | None
    why: Why
    says: str


class StepStatus(Struct, frozen=True, kw_only=True):
    """The state of one step, all its shards together."""

    step: str
    rows: int
    bytes: int


class RedisStatus(Struct, frozen=True, kw_only=True):
    """The connection to Redis. `blocked` is the share of the time in which reading stood still because of it."""

    connected: bool
    commands: int
    commands_per_second: float
    retries: int
    replaced: int
    held_bytes: int
    unacknowledged_seconds: float
    blocked: float


class Status(Struct, frozen=True, kw_only=True):
    """One process of a flow. `slowest` is the place in `partitions` of the one that is furthest behind."""

    flow: str
    index: int
    processes: int
    host: str
    pid: int
    at_ms: int
    started_ms: int
    alive: bool
    ready: bool
    checks: list[Check]
    records: int
    records_per_second: float
    refused: dict[str, int]
    partitions: list[PartitionStatus]
    slowest: int | None
    snapshot: Snapshot | None
    state: list[StepStatus]
    redis: RedisStatus | None


def status(observer: Observer, health: Health, looks: Looks) -> Status:
    """The status of this process now."""
    now = time.time()
    look = looks.last
    checks = health.ready()
    alive = [check.ok for check in health.alive()]
    optional = {topic for read in health.drawing.reads for topic in read.optional}
    partitions = [
        _partition(where, where.topic in optional, observer, look, now)
        for _, where in sorted(observer.where.parts.items())
    ]
    return Status(
        flow=observer.flow,
        index=observer.index,
        processes=observer.processes,
        host=socket.gethostname(),
        pid=os.getpid(),
        at_ms=int(now * MS),
        started_ms=int(observer.started * MS),
        alive=all(alive),
        ready=all(check.ok for check in checks),
        checks=checks,
        records=observer.records,
        records_per_second=look.records_per_second,
        refused=dict(observer.refused),
        partitions=partitions,
        slowest=slowest(partitions),
        snapshot=observer.snapshots.last,
        state=[StepStatus(step=step, rows=rows, bytes=size) for step, rows, size in observer.state()],
        redis=_redis(observer, look.redis_per_second, look.blocked),
    )


def slowest(partitions: list[PartitionStatus]) -> int | None:
    """The place of the partition that is furthest behind: one with records to read before all others.

    Among those, one without a watermark, then the one with the oldest. Where nothing is to be read, optional topics
    don't count: little happens in them.
    """
    marks = {place: one.watermark_ms for place, one in enumerate(partitions)}
    behind = [place for place in marks if partitions[place].behind]
    others = [place for place, mark in marks.items() if mark is not None and not partitions[place].optional]

    def age(place: int) -> tuple[int, int]:
        mark = marks[place]
        return (NEVER if mark is None else mark, place)

    return min(behind or others, key=age, default=None)


def _partition(where: Where, optional: bool, observer: Observer, look: Look, now: float) -> PartitionStatus:
    end = look.ends.get(where.name)
    behind = None if end is None else max(end - where.offset, 0)
    mark = observer.watermarks.get((where.topic, where.partition))
    word, says = why(where, end, observer, look.blocked, now)
    return PartitionStatus(
        topic=where.topic,
        partition=where.partition,
        optional=optional,
        offset=where.offset,
        end=end,
        behind=behind,
        watermark_ms=mark,
        watermark_lag_ms=None if mark is None else int(now * MS) - mark,
        why=word,
        says=says,
    )


def _redis(observer: Observer, commands_per_second: float, blocked: float) -> RedisStatus | None:
    redis = observer.redis
    if redis is None:
        return None
    return RedisStatus(
        connected=redis.connected,
        commands=redis.commands,
        commands_per_second=commands_per_second,
        retries=redis.retries,
        replaced=redis.server_changes,
        held_bytes=redis.pending.bytes,
        unacknowledged_seconds=redis.pending.oldest_seconds,
        blocked=blocked,
    )
