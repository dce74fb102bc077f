"""What a run of a peer took."""

import json
import time
from collections.abc import Callable

from bench.measure import cpu_seconds, peak_rss_mb


def timed(run: Callable[[], int]) -> None:
    """Print seconds, CPU-seconds and memory of `run`, which returns how many events it read."""
    began, cpu = time.perf_counter(), cpu_seconds()
    records = run()
    found = {
        "records": records,
        "seconds": time.perf_counter() - began,
        "cpu": cpu_seconds() - cpu,
        "rss_mb": peak_rss_mb(),
    }
    print(json.dumps(found))
