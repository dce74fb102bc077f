"""The cyclic garbage collector, which would walk every message of a batch again and again."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Collector:
    """Lets the collector rest while a flow runs, and gives it a turn now and then, `every_s` seconds at the most.

    What survives a turn is frozen: the next one walks only what was made since.
    """

    every_s: float
    _next: float = 0.0

    @contextmanager
    def at_rest(self) -> Iterator["Collector"]:
        """Switch the collector off until the end of the block."""
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            yield self
        finally:
            gc.enable()
            gc.unfreeze()

    def turn(self) -> None:
        """Collect what was made since the last turn, unless that was just now."""
        now = time.monotonic()
        if now >= self._next:
            gc.collect()
            gc.freeze()
            self._next = now + self.every_s
