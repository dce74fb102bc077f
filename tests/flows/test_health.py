"""What /healthz and /readyz say of a flow, and why a partition is where it is."""

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.drawing import Drawing
from flows.health import Health
from flows.observe import Observer
from flows.status import PartitionStatus, slowest
from flows.why import why
from schemas.settings import load
from sinks.redis import RedisSink
from sources.schema_registry import SchemaRegistry

NOW = time.time()


def redis(**given: Any) -> RedisSink:
    """A connection that has nothing to do, except as given."""
    pending = SimpleNamespace(blocks=given.pop("blocks", False), bytes=given.pop("held", 0))
    plain = {"connected": True, "silent_seconds": 0.0, "patience_seconds": 70.0}
    return cast(RedisSink, SimpleNamespace(pending=pending, **plain | given))


@pytest.fixture
def observer() -> Observer:
    """Of a flow that reads two partitions, has read one record of each, and is where they ended."""
    made = Observer("windows")
    made.redis = redis()
    made.where.expects({"interactions/0": 10, "interactions/1": 5})
    made.where.opened("interactions", 0, 9, resumed=False)
    made.where.opened("interactions", 1, 4, resumed=False)
    made.where.polled("interactions", 0, 10, brought=True)
    made.where.polled("interactions", 1, 5, brought=True)
    return made


@pytest.fixture
def health(observer: Observer) -> Health:
    return Health(observer, load(env={"HEADRACE_METRICS__STUCK_MS": "5000"}), Drawing("windows"))


def wrong(health: Health) -> list[str]:
    return [check.name for check in health.ready() if not check.ok]


def ill(health: Health) -> list[str]:
    return [check.name for check in health.alive() if not check.ok]


def stand_still(observer: Observer, seconds: float) -> None:
    observer.where.turned_at = time.monotonic() - seconds


def test_a_flow_at_the_end_of_its_inputs_is_ready(health: Health) -> None:
    assert wrong(health) == []


def test_a_failed_step_is_the_end(health: Health, observer: Observer) -> None:
    observer.fail(ValueError("no room"))
    observer.fail(ValueError("a later one"))
    assert ill(health) == ["steps"]
    assert health.alive()[0].says == "failed: no room"


def test_a_loop_that_does_not_turn_is_stuck(health: Health, observer: Observer) -> None:
    stand_still(observer, 4)
    assert ill(health) == []
    stand_still(observer, 6)
    assert ill(health) == ["loop"]
    assert health.alive()[1].says == "has not turned for 6 s (metrics.stuck_ms allows 5 s)"


def test_a_flow_that_waits_for_redis_is_alive_until_it_should_have_given_up(
    health: Health, observer: Observer
) -> None:
    stand_still(observer, 60)
    observer.redis = redis(blocks=True, silent_seconds=59.0)
    assert ill(health) == []
    observer.redis = redis(blocks=True, silent_seconds=71.0)
    assert ill(health) == ["loop"]
    observer.redis = redis(blocks=False, silent_seconds=59.0)
    assert ill(health) == ["loop"]


def test_a_flow_that_starts_is_alive_and_not_ready(health: Health, observer: Observer) -> None:
    observer.where.turned_at = None
    observer.where.began_at -= 3_600
    assert ill(health) == []
    assert wrong(health) == ["inputs", "state", "caught_up"]


def test_every_partition_must_have_been_asked(health: Health, observer: Observer) -> None:
    observer.where.parts["interactions", 1].polled = False
    assert wrong(health) == ["inputs"]


def test_it_must_have_read_what_was_there_when_it_started(health: Health, observer: Observer) -> None:
    observer.where.parts["interactions", 0].offset = 7
    assert wrong(health) == ["caught_up"]
    assert "3 records" in health.ready()[-1].says
    observer.where.polled("interactions", 0, 12, brought=True)
    assert wrong(health) == []


def test_without_redis_it_is_not_ready(health: Health, observer: Observer) -> None:
    for missing in (None, redis(connected=False)):
        observer.redis = missing
        assert wrong(health) == ["sinks"]
        assert ill(health) == []


@pytest.mark.parametrize(
    ("end", "polled", "read_ago", "blocked", "registry_waits", "word", "says"),
    [
        (10, False, None, 0.0, False, "not_read", "not read yet"),
        (None, True, 1, 0.0, False, "log", "the log does not say where it ends"),
        (5_010, True, 1, 0.0, False, "behind", "behind by 5,000 records"),
        (5_010, True, 1, 0.9, False, "redis", "behind by 5,000 records: Redis is slow, 2.0 MiB wait for it"),
        (
            5_010,
            True,
            1,
            0.9,
            True,
            "registry",
            "behind by 5,000 records: the schema registry does not answer",
        ),
        (10, True, 1, 0.9, False, "reading", "up to date"),
        (10, True, None, 0.0, False, "idle", "up to date, no data since the start"),
        (10, True, 3_600, 0.0, False, "idle", "up to date, idle since 2025-10-09 07:53:20 UTC"),
        (0, True, None, 0.0, False, "no_data", "no data has come yet"),
    ],
)
def test_why_a_partition_is_where_it_is(
    observer: Observer,
    end: int | None,
    polled: bool,
    read_ago: float | None,
    blocked: float,
    registry_waits: bool,
    word: str,
    says: str,
) -> None:
    now = 1_760_000_000.0
    where = observer.where.parts["interactions", 0]
    where.offset = min(10, end) if end is not None else 10
    where.polled = polled
    where.read_at = None if read_ago is None else now - read_ago
    observer.registry = cast(SchemaRegistry, SimpleNamespace(waits=registry_waits))
    observer.redis = redis(held=2 << 20)
    assert why(where, end, observer, blocked, now) == (word, says)


def test_a_redis_that_says_nothing_is_the_reason_at_once(observer: Observer) -> None:
    observer.redis = redis(held=2 << 20, silent_seconds=4.0)
    _, says = why(observer.where.parts["interactions", 0], 11, observer, 0.0, NOW)
    assert says == "behind by 1 record: Redis is slow, 2.0 MiB wait for it, silent for 4 s"


def partition(number: int, behind: int, watermark_ms: int | None, optional: bool = False) -> PartitionStatus:
    return PartitionStatus(
        topic="users" if optional else "interactions",
        partition=number,
        optional=optional,
        offset=0,
        end=behind,
        behind=behind,
        watermark_ms=watermark_ms,
        watermark_lag_ms=None,
        why="behind" if behind else "idle",
        says="",
    )


def test_the_slowest_has_something_to_read() -> None:
    old, behind, new = partition(0, 0, 1_000), partition(1, 7, 5_000), partition(2, 9, None)
    assert slowest([]) is None
    assert slowest([partition(0, 0, None)]) is None
    assert slowest([old, behind]) == 1
    assert slowest([old, behind, new]) == 2
    assert slowest([partition(3, 0, 10, optional=True), partition(1, 0, 2_000), old]) == 2
    assert slowest([old, partition(3, 1, 9_000, optional=True)]) == 1
