"""The flow `windows` live under a steady load with a viral post: freshness, memory over time, time stopped."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from bench.measure import cpu_seconds
from sinks.kafka import KafkaWriter
from tests.services.kafka import Kafka
from tests.services.redis import Redis

SECONDS, RATE = 60, 50_000
PARTITIONS = 8
VIRAL = 0.2
POSTS, USERS, AUTHORS = 2_000, 1_000, 200
"""Few, so that every key and pair is met in the first minute: what grows after that is no longer new keys."""

_START_S, _REST_S = 8.0, 3.0

Row = dict[str, Any]


def steady(seconds: float = SECONDS, rate: int = RATE) -> Row:
    """Run it; what `bench.live` printed, with the share of a core that Redis took and the rate poured in."""
    with Kafka() as kafka, Redis() as redis, tempfile.TemporaryDirectory() as state:
        writer = KafkaWriter(kafka.bootstrap, {})
        writer.create(["interactions", "users", "dead_letters"], PARTITIONS)
        writer.close()
        env = {
            **os.environ,
            "HEADRACE_LOG": f"kafka://{kafka.bootstrap}",
            "HEADRACE_REDIS": redis.url,
            "HEADRACE_STATE": state,
            "HEADRACE_PARTITIONS": str(PARTITIONS),
        }
        live = subprocess.Popen(
            [sys.executable, "-m", "bench.live", str(seconds + _START_S + _REST_S)],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(_START_S)
        before = cpu_seconds(redis.process.pid)
        shape = [str(number) for number in (PARTITIONS, rate, seconds, VIRAL, POSTS, USERS, AUTHORS)]
        poured = subprocess.run(
            [sys.executable, "-m", "bench.pour", kafka.bootstrap, *shape],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        redis_cpu = (cpu_seconds(redis.process.pid) - before) / seconds
        printed, _ = live.communicate()
        if live.returncode:
            raise SystemExit(f"the flow ended with {live.returncode}")
        found: Row = json.loads(printed.splitlines()[-1])
        return {**found, "rate": float(poured.stdout), "redis_cpu": redis_cpu}


def report(row: Row) -> None:
    """Print it."""
    print(
        f"\nsteady: {row['records']:,} records at {row['rate']:,.0f} a second, one post with {VIRAL:.0%} of them"
    )
    for entity, (median, high, worst) in row["fresh_ms"].items():
        print(f"  fresh {entity:6}  p50 {median:,.0f} ms   p99 {high:,.0f} ms   longest {worst:,.0f} ms")
    print(f"  flow {row['cpu_per_million']:.2f} CPU-s/M   Redis {row['redis_cpu']:.2f} of a core")
    sizes = row["rss_mb"]
    quarters = [sizes[len(sizes) * part // 8] for part in (2, 4, 6)] + sizes[-1:]
    print("  RSS after 1/4, 1/2, 3/4, all: " + ", ".join(f"{size:,.0f}" for size in quarters) + " MB")
    stops = row["stops_ms"][1:-1] or row["stops_ms"]
    totals = [sum(stop.values()) for stop in stops]
    parts = {name: statistics.median(stop.get(name, 0.0) for stop in stops) for name in stops[0]}
    print(
        f"  it stood still {statistics.median(totals):.0f} ms a snapshot, at most {max(totals):.0f} ("
        + ", ".join(f"{name} {ms:.0f}" for name, ms in parts.items())
        + ")"
    )


if __name__ == "__main__":
    report(steady(*(int(word) for word in sys.argv[1:])))
