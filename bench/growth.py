"""How cost grows: with keys, with snapshots, with processes."""

import statistics

from bench import state, steady
from bench.cluster import cluster
from bench.traffic import Traffic
from bench.windows import Row, flow
from tests.services.kafka import Kafka
from tests.services.redis import Redis

SMALL = Traffic(posts=70_000, users=25_000, authors=10_000, exponent=0.9)
LARGE = Traffic(posts=700_000, users=250_000, authors=100_000, exponent=0.6)
NEVER_MS = "86400000"
EPOCH_MS = "5000"
"""Short, so that a run of some seconds has several snapshots."""

ROUNDS = 3
STATES = (100_000, 1_000_000)


def line(name: str, rows: list[Row]) -> None:
    """Medians of some runs."""

    def median(part: str) -> float:
        found: float = statistics.median(row[part] for row in rows)
        return found

    records = rows[0]["records"]
    rate, cpu, redis = (
        records / median("seconds"),
        *(median(part) / records for part in ("cpu", "redis_cpu")),
    )
    print(
        f"  {name:26} {rate / 1e6:5.2f} M records/s  {cpu * 1e6:5.2f} CPU-s/M"
        f"  Redis {redis * 1e6:4.2f} CPU-s/M, {median('writes') / records:5.3f} writes a record"
        f"  RSS {median('rss_mb'):5.0f} MB  {rows[0]['keys']:,} keys",
        flush=True,
    )


def compare(traffic: Traffic, runs: dict[str, dict[str, str]], processes: int) -> None:
    """Runs with different settings in turn on one topic, then as a cluster."""
    with Kafka() as kafka, Redis() as redis:
        traffic.write_to(kafka.bootstrap)
        found: dict[str, list[Row]] = {}
        for _ in range(ROUNDS):
            for name, settings in runs.items():
                found.setdefault(name, []).append(flow(kafka, redis, traffic, **settings))
            if processes > 1:
                several = cluster(kafka, redis, traffic, processes)
                found.setdefault(f"{processes} processes", []).append(several)
        for name, rows in found.items():
            line(name, rows)


def main() -> None:
    """Print all of it."""
    once_in_5_s, none = {"HEADRACE_EPOCH_MS": EPOCH_MS}, {"HEADRACE_EPOCH_MS": NEVER_MS}
    print("\ngrowth with keys, snapshots every 5 s and none")
    compare(SMALL, {"100 k keys, snapshots": once_in_5_s, "100 k keys, no snapshots": none}, 2)
    compare(LARGE, {"1 M keys, snapshots": once_in_5_s, "1 M keys, no snapshots": none}, 1)
    print("\nstate alone")
    for keys in STATES:
        state.report(keys)
    steady.report(steady.steady())


if __name__ == "__main__":
    main()
