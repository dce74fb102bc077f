"""Runs a flow to the end of its inputs in a process of its own, and prints what it took."""

import json
import os
import sys
import time

import flows.run
from bench import vectors_only
from bench.measure import cpu_seconds, peak_rss_mb
from flows.observe import Observer
from schemas.frame import RawBatch
from schemas.settings import load


class Clock(Observer):
    """An observer that notes when the first batch came."""

    began = cpu = 0.0

    def read(self, batch: RawBatch, *counts: object) -> None:
        """Start the clock."""
        if not self.records:
            self.began, self.cpu = time.perf_counter(), cpu_seconds()
        super().read(batch, *counts)  # type: ignore[arg-type]


def main() -> None:
    """Run the flow named on the command line with the settings of the environment.

    Addresses and an index after the name make it one process of a cluster.
    """
    name, *place = sys.argv[1:]
    addresses, index = (tuple(place[0].split(",")), int(place[1])) if place else ((), 0)
    clock = Clock(name)
    flows.run.FLOWS = {**flows.run.FLOWS, vectors_only.NAME: vectors_only.drawing}
    flows.run.run(
        name, load(env=os.environ), until_end=True, observer=clock, addresses=addresses, index=index
    )
    found = {
        "records": clock.records,
        "seconds": time.perf_counter() - clock.began,
        "cpu": cpu_seconds() - clock.cpu,
        "rss_mb": peak_rss_mb(),
        "writes": clock.redis.commands if clock.redis else 0,
        "refused": dict(clock.refused),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
