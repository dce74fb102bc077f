"""The flow `windows` as several processes over one topic."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from bench.measure import cpu_seconds
from bench.traffic import Traffic
from bench.windows import Row, environment
from tests.services.kafka import Kafka
from tests.services.ports import free_port
from tests.services.redis import Redis


def cluster(kafka: Kafka, redis: Redis, traffic: Traffic, processes: int, **settings: str) -> Row:
    """One run of the flow in `processes` processes over the whole topic into an empty Redis.

    The time is that of the slowest process, CPU and memory are sums.
    """
    addresses = ",".join(f"127.0.0.1:{free_port()}" for _ in range(processes))
    with redis.client() as client, tempfile.TemporaryDirectory() as state:
        client.flushall()
        env = environment(kafka, redis, traffic, state, **settings)
        before = cpu_seconds(redis.process.pid)
        with started(addresses, processes, env) as running:
            printed = [process.communicate() for process in running]
        for process, (_, errors) in zip(running, printed, strict=True):
            if process.returncode:
                raise SystemExit(errors)
        rows: list[Row] = [json.loads(text.splitlines()[-1]) for text, _ in printed]
        sums = {name: sum(row[name] for row in rows) for name in ("records", "cpu", "rss_mb", "writes")}
        return {
            **sums,
            "seconds": max(row["seconds"] for row in rows),
            "redis_cpu": cpu_seconds(redis.process.pid) - before,
            "keys": client.dbsize(),
        }


@contextmanager
def started(addresses: str, processes: int, env: dict[str, str]) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes; those that still run at the end of the block are stopped."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.flow", "windows", addresses, str(index)],
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(processes)
    ]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()
