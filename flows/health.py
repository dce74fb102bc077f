"""Whether a flow is alive, and whether it is ready: for `/healthz`, `/readyz` and `headrace status`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flows.drawing import Drawing
from flows.observe import Observer
from schemas.settings import Settings

NAMES: Final = 3
"""Partitions that a sentence names before it only counts them."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold, whether it does, and what there is to see."""

    name: str
    ok: bool
    says: str


@dataclass(frozen=True)
class Health:
    """Judges a flow by what its observer has seen.

    It is *alive* while no step has failed and its loop turns; a Redis that is away is not held against it, since the
    flow itself gives up after `redis_retry_ms`. It is *ready* when, besides, all its inputs are open, its state is
    there, its sinks are connected, and it has read what was there when it started.
    """

    observer: Observer
    settings: Settings
    drawing: Drawing

    def alive(self) -> list[Check]:
        """The checks of `/healthz`."""
        return [self._steps(), self._loop()]

    def ready(self) -> list[Check]:
        """The checks of `/readyz`."""
        return [*self.alive(), self._inputs(), self._state(), self._sinks(), self._caught_up()]

    def _steps(self) -> Check:
        error = self.observer.failed
        return Check("steps", error is None, "no step has failed" if error is None else f"failed: {error}")

    def _loop(self) -> Check:
        bound = self.settings.metrics.stuck_ms / 1000
        where, redis = self.observer.where, self.observer.redis
        quiet = where.quiet_seconds
        if where.turned_at is None:
            return Check("loop", ok=True, says=f"starting since {quiet:.0f} s")
        if quiet <= bound:
            return Check("loop", ok=True, says=f"turned {quiet:.1f} s ago")
        if self.observer.total is not None and not where.behind_start:
            return Check("loop", ok=True, says="all inputs are read to their end")
        if redis is not None and redis.pending.blocks and redis.silent_seconds <= redis.patience_seconds:
            return Check("loop", ok=True, says=f"waiting for Redis, silent for {redis.silent_seconds:.0f} s")
        return Check(
            "loop", ok=False, says=f"has not turned for {quiet:.0f} s (metrics.stuck_ms allows {bound:g} s)"
        )

    def _inputs(self) -> Check:
        unread = self.observer.where.unread
        if self.observer.where.turned_at is None:
            return Check("inputs", ok=False, says="not open yet")
        return Check("inputs", not unread, f"not read yet: {_some(unread)}" if unread else "all are open")

    def _state(self) -> Check:
        if self.observer.where.turned_at is None:
            return Check("state", ok=False, says="not there yet")
        steps = {step.name for step in self.drawing.keeps if step.takes is None}
        needed = self.observer.records > 0 or any(
            part.resumed for part in list(self.observer.where.parts.values())
        )
        missing = sorted(steps - self.observer.kept) if needed else []
        return Check("state", not missing, f"not there yet: {_some(missing)}" if missing else "restored")

    def _sinks(self) -> Check:
        redis = self.observer.redis
        connected = redis is not None and redis.connected
        return Check("sinks", connected, "connected" if connected else "Redis is not connected")

    def _caught_up(self) -> Check:
        behind = self.observer.where.behind_start
        if self.observer.where.turned_at is None:
            return Check("caught_up", ok=False, says="nothing is read yet")
        if not behind:
            return Check("caught_up", ok=True, says="has read what was there at the start")
        return Check(
            "caught_up",
            ok=False,
            says=f"{sum(behind.values()):,} records that were there at the start are not read yet, "
            f"in {_some(sorted(behind))}",
        )


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - NAMES} more" if len(every) > NAMES else ""
    return ", ".join(every[:NAMES]) + more
