"""Runs the flow `windows` live for a while in a process of its own: how fresh, how large, how long it stands still."""

import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from bench.measure import cpu_seconds, rss_mb
from flows.kept import Kept
from flows.observe import Observer
from flows.plan import Plan
from flows.run import run
from schemas.effects import Effect, VectorSet
from schemas.settings import load
from sinks.redis import RedisSink

WARM_UP_S = 15.0
"""Start-up is left out of freshness."""

_SAMPLE_S = 5.0
_PAUSE_S = 1.0


class Stops:
    """How long the flow stood still for each snapshot, by what it did then, in seconds."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self._last = 0.0

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Add the time of a method under a name."""
        original: Callable[..., Any] = getattr(owner, method)

        @wraps(original)
        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return original(*arguments)
            finally:
                self._add(name, began, time.perf_counter())

        setattr(owner, method, timed)

    def _add(self, name: str, began: float, ended: float) -> None:
        if began - self._last > _PAUSE_S:
            self.epochs.append(defaultdict(float))
        self._last = ended
        self.epochs[-1][name] += ended - began


class Watcher(Observer):
    """Remembers how old each event was when Redis had what came of it, and the memory of this process."""

    def __init__(self) -> None:
        super().__init__("windows")
        self.began = time.monotonic()
        self.ages: dict[str, list[np.ndarray[Any, Any]]] = defaultdict(list)
        self.sizes: list[float] = []
        self.read_at_start = self.cpu_at_start = 0.0

    def acknowledged(self, effects: Sequence[Effect]) -> None:
        """Take note of the age of every vector that an event has changed."""
        super().acknowledged(effects)
        now_ms = time.time() * 1000
        if time.monotonic() - self.began > WARM_UP_S:
            for effect in effects:
                if isinstance(effect, VectorSet):
                    ages = now_ms - effect.as_of_ms[~effect.expiry]
                    self.ages[effect.entity].append(ages.astype(np.float32))

    def sample(self) -> None:
        """Note the memory now and then."""
        while True:
            time.sleep(_SAMPLE_S)
            self.sizes.append(rss_mb())
            if not self.cpu_at_start and time.monotonic() - self.began > WARM_UP_S:
                self.read_at_start, self.cpu_at_start = self.records, cpu_seconds()


def main() -> None:
    """Run for the seconds named on the command line with the settings of the environment."""
    seconds = float(sys.argv[1])
    watcher, stops = Watcher(), Stops()
    stops.watch(Kept, "snapshot", "state")
    stops.watch(RedisSink, "flush", "Redis")
    stops.watch(Plan, "saved", "disk")
    threading.Thread(target=watcher.sample, daemon=True).start()
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM)).start()
    run("windows", load(env=os.environ), observer=watcher)
    ages = {entity: np.concatenate(parts) for entity, parts in watcher.ages.items()}
    found = {
        "records": watcher.records,
        "cpu_per_million": (cpu_seconds() - watcher.cpu_at_start)
        / max(watcher.records - watcher.read_at_start, 1)
        * 1e6,
        "rss_mb": watcher.sizes,
        "fresh_ms": {
            entity: np.quantile(ages[entity], [0.5, 0.99, 1.0]).round().tolist() for entity in sorted(ages)
        },
        "stops_ms": [
            {name: round(seconds * 1000, 1) for name, seconds in epoch.items()} for epoch in stops.epochs
        ],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
