"""The flow `windows` beside the bare consumer, on the same topic in the same run."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from bench import vectors_only
from bench.measure import cpu_seconds
from bench.traffic import Traffic
from tests.services.kafka import Kafka
from tests.services.redis import Redis

Row = dict[str, Any]

VARIANTS = {
    "vectors of posts, authors and users at 1 s": (
        vectors_only.NAME,
        {"HEADRACE_FLUSH_MS": "1000", "HEADRACE_FLUSH_SLOW_MS": "1000"},
    ),
    "everything: with affinity, seen, hidden, muted; what may take 30 s does": (
        "windows",
        {"HEADRACE_FLUSH_MS": "1000", "HEADRACE_FLUSH_SLOW_MS": "30000"},
    ),
}
"""Flows by what they do, with their settings."""


def measured(module: str, *arguments: str, env: dict[str, str] | None = None) -> Row:
    """Run a module of this folder in a process of its own; what it printed last."""
    command = [sys.executable, "-m", f"bench.{module}", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: Row = json.loads(done.stdout.splitlines()[-1])
    return found


def environment(kafka: Kafka, redis: Redis, traffic: Traffic, state: str, **settings: str) -> dict[str, str]:
    """Settings of a run over the traffic."""
    return {
        "HEADRACE_LOG": f"kafka://{kafka.bootstrap}",
        "HEADRACE_REDIS": redis.url,
        "HEADRACE_STATE": state,
        "HEADRACE_PARTITIONS": str(traffic.partitions),
        "HEADRACE_TIME": "history",
        **settings,
    }


def flow(kafka: Kafka, redis: Redis, traffic: Traffic, name: str = "windows", **settings: str) -> Row:
    """One run of a flow over the whole topic into an empty Redis."""
    with redis.client() as client, tempfile.TemporaryDirectory() as state:
        client.flushall()
        env = environment(kafka, redis, traffic, state, **settings)
        before = cpu_seconds(redis.process.pid), cpu_seconds(kafka.process.pid)
        found = measured("flow", name, env=env)
        found["redis_cpu"] = cpu_seconds(redis.process.pid) - before[0]
        found["kafka_cpu"] = cpu_seconds(kafka.process.pid) - before[1]
        found["keys"] = client.dbsize()
    return found


def compare(rounds: int = 3, **shape: int) -> tuple[list[Row], dict[str, list[Row]]]:
    """The bare consumer and each variant of the flow, in turn."""
    traffic = Traffic(**shape)
    with Kafka() as kafka, Redis() as redis:
        traffic.write_to(kafka.bootstrap)
        messages = -(-traffic.events // traffic.batch) if traffic.batch else traffic.events
        bare: list[Row] = []
        flows: dict[str, list[Row]] = {title: [] for title in VARIANTS}
        for _ in range(rounds):
            found = measured("bare", kafka.bootstrap, "interactions", str(traffic.partitions), str(messages))
            bare.append({**found, "records": traffic.events})
            for title, (name, settings) in VARIANTS.items():
                flows[title].append(flow(kafka, redis, traffic, name, **settings))
    return bare, flows


def report(title: str, bare: list[Row], flows: list[Row]) -> None:
    """Print medians and ratios."""

    def median(rows: list[Row], value: Any) -> float:
        found: float = statistics.median(value(row) for row in rows)
        return found

    million = flows[0]["records"] / 1e6
    rate = median(flows, lambda row: row["records"] / row["seconds"])
    bare_rate = median(bare, lambda row: row["records"] / row["seconds"])
    cpu = median(flows, lambda row: row["cpu"]) / million
    bare_cpu = median(bare, lambda row: row["cpu"] / (row["records"] / 1e6))
    print(
        f"\n{title}: {million:.1f} M records, {flows[0]['keys']:,} keys in Redis, medians of {len(flows)} runs"
    )
    print(f"  bare consumer    {bare_rate / 1e6:6.2f} M records/s   {bare_cpu:6.2f} CPU-s/M")
    print(f"  flow             {rate / 1e6:6.2f} M records/s   {cpu:6.2f} CPU-s/M")
    print(f"  ratio            {rate / bare_rate:6.2f} rate          {cpu / bare_cpu:6.2f} CPU")
    print(f"  Redis            {median(flows, lambda row: row['redis_cpu']) / million:6.2f} CPU-s/M", end="")
    print(f"   Kafka {median(flows, lambda row: row['kafka_cpu']) / million:.2f} CPU-s/M")
    print(f"  Redis writes     {median(flows, lambda row: row['writes']) / million / 1e6:6.3f} per record")
    print(f"  peak RSS         {median(flows, lambda row: row['rss_mb']):6.0f} MB")


def main() -> None:
    """One record a message, then three hundred; the bare consumer of single records is the yardstick of both."""
    bare, flows = compare()
    for title, rows in flows.items():
        report(f"single records, {title}", bare, rows)
    for title, rows in compare(batch=300)[1].items():
        report(f"batches of 300 records beside the bare consumer of single ones, {title}", bare, rows)


if __name__ == "__main__":
    main()
