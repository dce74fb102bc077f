"""Files in, vectors out, by the commands alone: Redis equals a batch recomputation that knows nothing of the flow."""

import struct
from pathlib import Path

import polars as pl
import pytest
import redis as redis_client

from bench.real_acceptance import Judged, Rules, judge
from bench.real_redis import Difference, Wanted, compare
from bench.real_run import Headrace
from bench.real_vectors import Registry
from tests.flows.dirty_history import DirtyHistory, write_files
from tests.services.broker import Broker

PARTITIONS = 4
LATENESS_MS = 40 * 86_400_000
"""More than a month: what is read out of order is counted, where every window has moved on."""


@pytest.fixture(scope="module")
def history() -> pl.DataFrame:
    return DirtyHistory(4_000, PARTITIONS, seed=3).rows()


def headrace(log: str, redis: str, folder: Path, **settings: str) -> Headrace:
    return Headrace(log, redis, folder, {"HEADRACE_PARTITIONS": str(PARTITIONS), **settings})


def difference(place: Headrace, judged: Judged, registry: Registry) -> Difference:
    with redis_client.Redis.from_url(place.redis) as client:
        return compare(client, Wanted.of(judged, registry), registry)


def test_the_history_has_everything_in_it(history: pl.DataFrame) -> None:
    """Accepted rows with old and new lives, times ahead of the clock, odd ids; and each reason to refuse a row."""
    judged = judge(history, Rules(PARTITIONS))
    assert all(judged.refused[reason] > 10 for reason in ("future", "late", "repeat"))
    accepted = judged.accepted
    assert accepted.filter(pl.col("at_ms") > judged.clock).height > 10
    assert accepted["user_id"].min() == -(1 << 63)
    assert accepted["post_id"].max() == (1 << 63) - 1
    silences = accepted.sort("post_id", "at_ms").select(pl.col("at_ms").diff().over("post_id"))["at_ms"]
    assert (silences == 90 * 86_400_000).any()
    assert (silences > 90 * 86_400_000).sum() > 10


def test_through_kafka(
    history: pl.DataFrame, kafka: Broker, topic_prefix: str, redis_url: str, tmp_path: Path
) -> None:
    settings = {"HEADRACE_TOPIC_PREFIX": topic_prefix, "HEADRACE_ENGINE": "loop"}
    place = headrace(kafka.url, redis_url, tmp_path, **settings)
    place("import", "interactions", *write_files(history, tmp_path), "--close")
    place("run", "windows", "--until-end")
    judged = judge(history, Rules(PARTITIONS))
    found = difference(place, judged, place.registry())
    assert not found.wrong
    assert found.trending > 10
    assert place.refused() == judged.dead_letters


def test_file_by_file_with_a_restart_after_each(
    history: pl.DataFrame, redis_url: str, tmp_path: Path
) -> None:
    """Each run goes on from the state of the one before; much of what it reads is months older."""
    settings = {"HEADRACE_ALLOWED_LATENESS_MS": str(LATENESS_MS), "HEADRACE_FRAME_ROWS": "100"}
    place = headrace(f"file:{tmp_path / 'log'}", redis_url, tmp_path, **settings)
    for file in write_files(history, tmp_path):
        place("import", "interactions", file)
        place("run", "windows", "--until-end")
    judged = judge(history, Rules(PARTITIONS, allowed_lateness_ms=LATENESS_MS))
    assert not difference(place, judged, place.registry()).wrong
    assert place.refused() == judged.dead_letters


def test_a_difference_is_found(history: pl.DataFrame, redis_url: str, tmp_path: Path) -> None:
    """The last bit of a value, an as-of time, a missing vector, a vector too many, a post that trends too much."""
    place = headrace(f"file:{tmp_path / 'log'}", redis_url, tmp_path)
    place("import", "interactions", *write_files(history[-500:], tmp_path))
    place("run", "windows", "--until-end")
    judged, registry = judge(history[-500:], Rules(PARTITIONS)), place.registry()
    assert not difference(place, judged, registry).wrong
    posts = judged.accepted["post_id"].unique().sort().to_list()
    with redis_client.Redis.from_url(redis_url) as client:
        value = client.get(f"features:post:{posts[0]}")
        assert isinstance(value, bytes)
        one_bit = bytearray(value)
        one_bit[16] ^= 1
        client.set(f"features:post:{posts[0]}", bytes(one_bit))
        client.set(f"features:post:{posts[1]}", value[:8] + struct.pack("<q", 0) + value[16:])
        client.delete(f"features:post:{posts[2]}")
        client.set("features:post:12345", value)
        [(trending, _)] = client.zrange("trending:all", 0, 0, withscores=True)
        client.zincrby("trending:all", 0.5, trending)
    wrong = difference(place, judged, registry).wrong
    assert len(wrong) == 5
    for start in (
        f"post {posts[2]}: missing",
        "post 12345: unexpected",
        f"trending all {trending.decode()}: ",
    ):
        assert [line for line in wrong if line.startswith(start)]
    assert [line for line in wrong if line.startswith(f"post {posts[0]}: ") and "post_impressions_5m" in line]
    assert [line for line in wrong if line.startswith(f"post {posts[1]}: as of 0 for ")]
