"""What a running flow tells: values are those of the moment at which the page is read."""

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from flows.observe import Observer
from schemas import metrics
from schemas.effects import AffinitySet, Effect, VectorSet
from schemas.frame import Frame, RawBatch
from state.chunks import ChunkStore
from state.keeper import Keeper


@pytest.fixture
def observer() -> Observer:
    return Observer("windows")


def read_page(observer: Observer) -> None:
    list(observer.metrics.collect())


def accepted(observer: Observer, partition: int, watermark: int) -> None:
    nothing = np.empty(0, np.int64)
    observer.accepted(
        Frame("interactions", partition, pa.RecordBatch.from_pydict({}), nothing, nothing, watermark)
    )


def test_the_slowest_partition_is_the_one_with_the_oldest_watermark(observer: Observer) -> None:
    for partition, watermark in ((0, 5_000), (1, 2_000), (2, 9_000)):
        accepted(observer, partition, watermark)
    read_page(observer)
    assert observer.metrics.value(metrics.SLOWEST_PARTITION, "windows", "interactions") == 1
    accepted(observer, 1, 7_000)
    read_page(observer)
    assert observer.metrics.value(metrics.SLOWEST_PARTITION, "windows", "interactions") == 0
    assert observer.metrics.value(metrics.WATERMARK, "windows", "interactions", "1") == 7


def test_a_silent_partition_falls_behind_without_an_event(
    observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(observer, 0, 100_000)
    for now, lag in ((101.0, 1), (400.0, 300)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        read_page(observer)
        assert observer.metrics.value(metrics.WATERMARK_LAG, "windows", "interactions", "0") == lag


def test_records_are_counted_with_what_became_of_them(observer: Observer) -> None:
    one = np.zeros(1, np.int64)
    batch = RawBatch("interactions", 0, one, one, [b""], lambda _: None)
    observer.read(batch, 10, {"late": 2, "repeat": 1})
    value = observer.metrics.value
    assert value(metrics.RECORDS_IN, "windows", "interactions") == 10
    assert value(metrics.DEAD_LETTERS, "windows", "interactions", "late") == 2
    assert value(metrics.DEAD_LETTERS, "windows", "interactions", "repeat") == 0
    assert value(metrics.REPEATS, "windows", "interactions") == 1


def test_the_state_of_a_step_is_the_sum_of_its_partitions(observer: Observer, tmp_path: Path) -> None:
    for partition, rows in ((0, 3), (1, 4)):
        keeper = Keeper(ChunkStore(tmp_path / str(partition)), {})
        observer.keeps("events", keeper, resumed=partition == 1)
        keeper.snapshot({"ids": pa.table({"id": range(rows)})}, {})
        observer.saved("events", keeper)
    read_page(observer)
    value = observer.metrics.value
    assert value(metrics.STATE_ROWS, "windows", "events") == 7
    size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert value(metrics.STATE_BYTES, "windows", "events") == size
    assert value(metrics.SNAPSHOT_BYTES, "windows", "events") == size
    assert value(metrics.RESUMED, "windows", "events") == 1


VECTORS = VectorSet(
    "post", np.arange(2), np.array([9_960, 1_000]), np.zeros((2, 1), np.float32), np.array([False, True])
)
PAIRS = AffinitySet(
    "user_author",
    np.arange(3),
    pa.array([1, 2, 3]),
    np.array([9_960, 1_000, 1_000]),
    np.zeros((3, 1), np.float32),
    np.array([False, True, False]),
    np.array([False, False, True]),
    np.empty(0, np.int64),
)


@pytest.mark.parametrize("effect", [VECTORS, PAIRS])
def test_freshness_is_of_events_not_of_windows_that_emptied(
    effect: Effect, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 10.0)
    observer.acknowledged([effect])
    family = next(family for family in observer.metrics.collect() if family.name == metrics.FRESHNESS.name)
    samples = {sample.name + sample.labels.get("le", ""): sample.value for sample in family.samples}
    assert samples["headrace_freshness_seconds_count"] == 1
    assert samples["headrace_freshness_seconds_bucket0.025"] == 0
    assert samples["headrace_freshness_seconds_bucket0.05"] == 1
