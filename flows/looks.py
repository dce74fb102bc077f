"""Looks now and then, from outside, at what a flow does not see from inside: the ends of its inputs, and rates."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from msgspec.structs import replace

from flows.observe import Observer
from schemas.errors import HeadraceError
from schemas.settings import Settings
from sources.open_log import open_log

LOOK_SECONDS: Final = 2.0
PATIENCE_MS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw; rates are those since the look before.

    `ends` (by `topic/partition`) is empty while the log does not answer. `blocked` is the share of the time in which
    nothing was read because Redis had not taken what was there.
    """

    at: float = 0.0
    ends: dict[str, int] = field(default_factory=dict)
    records_per_second: float = 0.0
    redis_per_second: float = 0.0
    blocked: float = 0.0


class Looks:
    """Takes the looks in a thread of its own, with a connection of its own to the log."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self._settings = replace(settings, kafka_retry_ms=min(settings.kafka_retry_ms, PATIENCE_MS))
        self._observer = observer
        self._stop = threading.Event()
        self._last = Look()
        self._counts = (time.monotonic(), 0, 0, 0.0)
        self._thread = threading.Thread(target=self._run, name="headrace-looks", daemon=True)

    @property
    def last(self) -> Look:
        """The latest look."""
        return self._last

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A log that does not answer is not waited for: the thread dies with the process.
        self._stop.set()

    def _run(self) -> None:
        try:
            events = open_log(self._settings, self._observer.flow)
        except HeadraceError:
            return
        while True:
            ends: dict[str, int] = {}
            with suppress(HeadraceError):
                for topic in {topic for topic, _ in list(self._observer.where.parts)}:
                    ends |= {f"{topic}/{number}": end for number, end in enumerate(events.ends(topic))}
            self._take(ends)
            self._observer.ends = ends
            if self._stop.wait(LOOK_SECONDS):
                events.close()
                return

    def _take(self, ends: dict[str, int]) -> None:
        redis = self._observer.redis
        now = (
            time.monotonic(),
            self._observer.records,
            redis.commands if redis is not None else 0,
            redis.pending.blocked_seconds if redis is not None else 0.0,
        )
        seconds = max(now[0] - self._counts[0], 1e-6)
        records, commands, blocked = (
            (new - old) / seconds for new, old in zip(now[1:], self._counts[1:], strict=True)
        )
        self._counts = now
        self._last = Look(time.time(), ends, records, commands, blocked)
