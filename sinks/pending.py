"""What waits for Redis: in two classes, and bounded, so that who writes faster than Redis takes has to wait."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from schemas.effects import AffinitySet, Effect, Erase, MemberSet, SeenSet, VectorSet
from schemas.errors import HeadraceError
from schemas.frame import Int64s
from sinks.coalesce import coalesce, rows_of
from sinks.coalesce_pairs import only_time, overtaken, pair_rows, without_users

TRAILING_ROWS: Final = 1_024
"""Vectors that only time has changed, sent between two looks at what has happened meanwhile."""

TRAILING_SHARE: Final = 4
"""However much happens, they get one vector for so many others."""


class Pending:
    """Effects between those who write them and the one thread that sends them.

    What happened goes out at once, all of it together. Vectors that only time has changed come behind, some at a time,
    and are dropped when something happens to their key first. `limit_bytes` is how much may wait before `add` does.
    `first_at` is when something began to wait (on the clock of `time.monotonic`).

    >>> def vector(post: int, time_only: bool) -> VectorSet:
    ...     return VectorSet("post", np.array([post]), np.array([1]), np.zeros((1, 1)), np.array([time_only]))
    >>> pending = Pending(1 << 20)
    >>> pending.add([vector(7, True), vector(8, False)])
    >>> [effect.ids.tolist() for effect in pending.take()]
    [[8], [7]]
    """

    def __init__(self, limit_bytes: int, trailing_rows: int = TRAILING_ROWS) -> None:
        self._limit = limit_bytes
        self._trailing_rows = trailing_rows
        self._changed = threading.Condition()
        self._came: list[Effect] = []
        self._came_at: float | None = None
        self._sent_since: float | None = None
        self._trailing: deque[VectorSet | AffinitySet] = deque()
        self._bytes = 0
        self.first_at = 0.0
        self._failure: BaseException | None = None
        self._closed = False
        self._blocked = 0.0
        self._blocked_since: float | None = None

    @property
    def bytes(self) -> int:
        """What is not acknowledged yet, roughly."""
        return self._bytes

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest of what happened has waited to be acknowledged; 0 if nothing waits."""
        since = self._sent_since or self._came_at
        return 0.0 if since is None else time.monotonic() - since

    @property
    def blocked_seconds(self) -> float:
        """How long writers have been made to wait, in all."""
        since = self._blocked_since
        return self._blocked + (0.0 if since is None else time.monotonic() - since)

    @property
    def blocks(self) -> bool:
        """Whether a writer is waiting now."""
        return self._blocked_since is not None

    def add(self, effects: Iterable[Effect]) -> None:
        """Take effects over, when there is room; raises what `stop` was told."""
        effects = list(effects)
        size = sum(map(_size, effects))
        with self._changed:
            self._wait(lambda: not self._bytes or self._bytes + size <= self._limit)
            now = time.monotonic()
            if not self._bytes:
                self.first_at = now
            self._came += effects
            self._came_at = self._came_at or now
            self._bytes += size
            self._changed.notify_all()

    def wait_until_empty(self) -> None:
        """Wait until everything is acknowledged; raises what `stop` was told."""
        with self._changed:
            self._wait(lambda: not self._bytes)

    def take(self) -> list[Effect] | None:
        """What is to be sent next, coalesced; None when stopped. The thread that sends calls it, and nobody else."""
        with self._changed:
            self._changed.wait_for(lambda: self._came or self._trailing or self._closed)
            if self._closed:
                return None
            came, self._came = self._came, []
            self._sent_since, self._came_at = self._came_at, None
        happened = self._put_behind(coalesce(came))
        rows = sum(map(len, happened))
        return [*happened, *self._some(max(self._trailing_rows, rows // TRAILING_SHARE))]

    def acknowledged(self) -> None:
        """What was taken is in Redis."""
        with self._changed:
            self._sent_since = None
            self._bytes = sum(map(_size, self._came)) + sum(map(_size, self._trailing))
            self._changed.notify_all()

    def stop(self, error: BaseException | None = None) -> None:
        """Nothing goes out any more; those who wait get `error`."""
        with self._changed:
            self._closed = True
            self._failure = self._failure or error
            self._changed.notify_all()

    def _wait(self, condition: Callable[[], bool]) -> None:
        if not condition():
            self._blocked_since = time.monotonic()
            self._changed.wait_for(lambda: self._closed or condition())
            self._blocked += time.monotonic() - self._blocked_since
            self._blocked_since = None
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise HeadraceError("the Redis sink is closed: open another one")

    def _put_behind(self, effects: list[Effect]) -> list[Effect]:
        """The effects without those that may trail, which are put behind the others that do."""
        happened: list[Effect] = []
        for effect in effects:
            if not isinstance(effect, VectorSet | AffinitySet):
                happened.append(effect)
                if isinstance(effect, Erase):
                    self._overtake(effect.entity, effect)
                continue
            waits = effect.expiry if isinstance(effect, VectorSet) else only_time(effect)
            late = np.flatnonzero(waits)
            now = effect if not len(late) else _rows(effect, np.flatnonzero(~waits))
            if len(now) or (isinstance(now, AffinitySet) and len(now.whole)):
                happened.append(now)
                self._overtake(effect.entity, now)
            if len(late):
                self._trailing.append(_rows(effect, late, late=True))
        return happened

    def _overtake(self, entity: str, by: VectorSet | AffinitySet | Erase) -> None:
        """Drop what trails of keys to which something has happened since."""
        for _ in range(len(self._trailing)):
            effect = self._trailing.popleft()
            if effect.entity == entity:
                effect = _without(effect, by)
            if len(effect):
                self._trailing.append(effect)

    def _some(self, rows: int) -> list[VectorSet | AffinitySet]:
        taken: list[VectorSet | AffinitySet] = []
        while rows and self._trailing:
            effect = self._trailing.popleft()
            if len(effect) > rows:
                self._trailing.appendleft(_rows(effect, slice(rows, None)))
                effect = _rows(effect, slice(rows))
            taken.append(effect)
            rows -= len(effect)
        return taken


def _rows(
    effect: VectorSet | AffinitySet, rows: Int64s | slice, *, late: bool = False
) -> VectorSet | AffinitySet:
    """Some rows of an effect; no user is written whole by those that are `late`."""
    if isinstance(effect, VectorSet):
        return rows_of(effect, rows)
    return pair_rows(effect, rows, effect.whole[:0] if late else None)


def _without(effect: VectorSet | AffinitySet, by: VectorSet | AffinitySet | Erase) -> VectorSet | AffinitySet:
    """An effect without the rows of which `by`, which is later, says something else."""
    if isinstance(effect, VectorSet):
        assert not isinstance(by, AffinitySet)
        return rows_of(effect, np.flatnonzero(~np.isin(effect.ids, by.ids)))
    if isinstance(by, Erase):
        return without_users(effect, by.ids)
    assert isinstance(by, AffinitySet)
    return pair_rows(effect, np.flatnonzero(~overtaken(effect, by)))


def _size(effect: Effect) -> int:
    """What an effect takes in memory, roughly."""
    match effect:
        case VectorSet():
            size = effect.values.nbytes
        case AffinitySet():
            size = effect.values.nbytes + effect.fields.nbytes
        case SeenSet():
            size = effect.bits.nbytes
        case MemberSet():
            size = effect.members.nbytes
        case _:
            size = 0
    return 24 * len(effect) + 100 + size
