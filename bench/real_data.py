"""Public logs through import, Kafka, flow and Redis, and every vector beside a batch recomputation.

`python -m bench.real_data --higgs higgs-activity_time.txt.gz --obd obp-0.4.1-py3-none-any.whl`
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from bench.measure import cpu_seconds
from bench.real_acceptance import Judged, Rules, judge
from bench.real_bandit import interactions as bandit
from bench.real_higgs import interactions as higgs
from bench.real_redis import Wanted, compare
from bench.real_run import Headrace
from tests.services.kafka import Kafka
from tests.services.redis import Redis

SHOWN = 10
MINUTE_MS = 60_000


def main() -> None:
    """Run what was named on the command line; ends with 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m bench.real_data", description=__doc__)
    parser.add_argument("--higgs", type=Path, metavar="FILE", help="higgs-activity_time.txt.gz")
    parser.add_argument("--obd", type=Path, metavar="PLACE", help="the wheel of obp, or a folder of its data")
    parser.add_argument("--partitions", type=int, default=64, metavar="N", help="of every topic (64)")
    asked = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as place, Kafka() as kafka, Redis() as redis:
        for name, source, convert, kind in (
            ("higgs", asked.higgs, higgs, "parquet"),
            ("obd", asked.obd, bandit, "csv"),
        ):
            if source is not None:
                file = Path(place) / f"{name}.{kind}"
                history = convert(source)
                history.write_parquet(file) if kind == "parquet" else history.write_csv(file)
                wrong += checked(name, history, file, Rules(asked.partitions), kafka, redis)
    sys.exit(1 if wrong else 0)


def checked(name: str, history: pl.DataFrame, file: Path, rules: Rules, kafka: Kafka, redis: Redis) -> int:
    """One history through Kafka and through a file log; returns how many values differ."""
    judged = judge(history, rules)
    busiest = np.unique(history["at_ms"].to_numpy() // MINUTE_MS, return_counts=True)[1].max()
    print(f"{name}: {len(history):,} events, {len(judged.accepted):,} accepted, busiest minute {busiest:,}")
    print(f"  refused by the recomputation: {dict(judged.refused) or 'none'}")
    wanted: Wanted | None = None
    wrong = 0
    for log in (kafka.url, f"file:{file.parent / name}"):
        folder = file.parent / f"{name}-{log.partition(':')[0]}"
        folder.mkdir()
        settings = {"HEADRACE_PARTITIONS": str(rules.partitions), "HEADRACE_TOPIC_PREFIX": f"{name}."}
        headrace = Headrace(log, redis.url, folder, settings)
        wanted = wanted or Wanted.of(judged, headrace.registry())
        wrong += through(headrace, file, judged, wanted, kafka, redis)
    return wrong


def through(
    headrace: Headrace, file: Path, judged: Judged, wanted: Wanted, kafka: Kafka, redis: Redis
) -> int:
    """Import, run, compare; returns how many values differ."""
    with redis.client() as client:
        client.flushall()
        servers = {"Kafka": kafka.process.pid, "Redis": redis.process.pid}
        before = {server: cpu_seconds(pid) for server, pid in servers.items()}
        took = headrace("import", "interactions", file, "--close")
        ran = headrace("run", "windows", "--until-end")
        spent = {server: cpu_seconds(pid) - before[server] for server, pid in servers.items()}
        found = compare(client, wanted, headrace.registry())
        if (refused := headrace.refused()) != judged.dead_letters:
            found.wrong.append(f"dead letters: {dict(refused)}")
    print(f"  {headrace.log.partition(':')[0]} log")
    print(f"    import  {took}")
    print(f"    run     {ran}   {ran.said.splitlines()[-1]}")
    print(f"    servers {', '.join(f'{name} {cpu:.1f} CPU-s' for name, cpu in spent.items())}")
    kinds = ", ".join(f"{len(vectors.keys):,} {entity}s" for entity, vectors in wanted.vectors.items())
    print(f"    {found.vectors:,} vectors ({kinds}) and {found.trending} trending posts compared, ", end="")
    print(f"mismatches: {len(found.wrong)}", flush=True)
    for line in found.wrong[:SHOWN]:
        print(f"      {line}")
    return len(found.wrong)


if __name__ == "__main__":
    main()
