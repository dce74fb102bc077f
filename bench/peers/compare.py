"""Runs every peer on one topic, compares what it wrote with the batch answer, and prints what it cost."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import redis

from bench import vectors_only
from bench.peers.answer import HOUR_MS, MINUTE_MS, Answer, all_hours, last_hour, last_ms
from bench.traffic import Traffic
from bench.windows import Row, flow, measured
from schemas.registry import Registry
from schemas.settings import Settings, load
from serving.vectors import decode
from tests.services.kafka import Kafka
from tests.services.redis import Redis

EVENTS, FEW = 1_000_000, 20_000
SHAPE: dict[str, Any] = {"partitions": 1, "seconds": 6_000, "repeats": 0.0, "delay_ms": 10_000}
REGISTRY = str(Path(__file__).parent / "features.toml")

Found = Callable[[redis.Redis], Answer]


def values(client: redis.Redis, pattern: str) -> dict[str, bytes]:
    """The strings in Redis whose keys are so, by key."""
    keys: Any = list(client.scan_iter(pattern, count=10_000))
    found: Any = client.mget(keys) if keys else []
    return {key.decode(): value for key, value in zip(keys, found, strict=True)}


def plain(client: redis.Redis) -> Answer:
    """What a peer wrote: keys with something in them."""
    rows = {}
    for key, value in values(client, "ctr:*").items():
        impressions, clicks, ctr = value.decode().split()
        assert ctr == (f"{int(clicks) / int(impressions):.6f}" if int(impressions) else "0.000000")
        rows[key] = int(impressions), int(clicks)
    return {key: counts for key, counts in rows.items() if any(counts)}


def vectors(settings: Settings) -> Found:
    """What the flow wrote: impressions and clicks of the hour in each post's vector."""
    names = [feature.name for feature in Registry.of(settings).entity("post")]
    places = [names.index(f"post_{name}_1h") for name in ("impressions", "clicks")]

    def found(client: redis.Redis) -> Answer:
        rows = {}
        for key, value in values(client, "features:post:*").items():
            vector = decode(value)
            assert vector is not None
            impressions, clicks = (int(vector.values[place]) for place in places)
            rows["ctr:" + key.rpartition(":")[2]] = impressions, clicks
        return {key: counts for key, counts in rows.items() if any(counts)}

    return found


def save(traffic: Traffic, path: str) -> None:
    """The same events as a file, in the order of the topic."""
    pq.write_table(pa.Table.from_batches([rows for rows, _ in traffic.slices()]), path)


def report(name: str, row: Row, right: bool) -> None:
    """A line of the table."""
    million = row["records"] / 1e6
    print(
        f"| {name} | {row['records']:,} | {row['cpu'] / million:,.2f} | {row['records'] / row['seconds'] / 1e3:,.1f} "
        f"| {row['rss_mb']:,.0f} MB | {'yes' if right else 'NO'} |",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    print("\n| system | events | CPU-s per M events | k events/s | peak RSS | correct |")
    print("|---|---|---|---|---|---|", flush=True)
    with Kafka() as kafka, Redis() as redis_server, tempfile.TemporaryDirectory() as folder:
        many, few = f"{folder}/many.parquet", f"{folder}/few.parquet"
        traffic = Traffic(events=EVENTS, **SHAPE)
        traffic.write_to(kafka.bootstrap)
        save(traffic, many)
        small = Traffic(events=FEW, **SHAPE)
        small.write_to(kafka.bootstrap, "few_")
        save(small, few)
        end = last_ms(many)
        last = last_hour(many, (end // MINUTE_MS - 59) * MINUTE_MS)
        with redis_server.client() as client:

            def peer(name: str, answer: Answer, module: str, *arguments: str) -> None:
                client.flushall()
                row = measured(f"peers.{module}", *arguments, redis_server.url)
                report(name, row, plain(client) == answer)

            def ours(name: str, drawing: str, **settings: str) -> None:
                row = flow(kafka, redis_server, traffic, drawing, **settings)
                found = vectors(load(env=settings))(client)
                report(name, row, found == last_hour(many, (end - HOUR_MS) // MINUTE_MS * MINUTE_MS))

            peer(
                "bytewax, its own sliding window",
                all_hours(few),
                "bytewax_sliding",
                kafka.bootstrap,
                "few_interactions",
            )
            peer(
                "bytewax, tiles by hand, record by record",
                last,
                "bytewax_tiles",
                kafka.bootstrap,
                "interactions",
            )
            alone = {"HEADRACE_FEATURE_REGISTRY": REGISTRY}
            ours("headrace, this task alone", vectors_only.NAME, **alone)
            ours("headrace, flow `windows` with everything", "windows")
            peer("polars, batch job over a file", last, "polars_batch", many)
