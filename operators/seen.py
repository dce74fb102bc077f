"""The seen filter: which posts a user has been shown, as a Bloom filter for each UTC day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base import Delta, Operator, Saved
from operators.bloom import marks
from operators.entity import TOPIC
from operators.erased import Erased, merge_erased
from operators.lifetime import FAR
from operators.measures import TYPES
from operators.seen_days import SeenDays
from operators.seen_past import SeenPast
from operators.seen_state import DAY_MS, Views, due_table, merge_due, merge_views
from schemas.constants import SEEN_DAYS
from schemas.effects import SeenErase, SeenSet
from schemas.frame import Erasure, Frame, Int64s

VIEWS = "views"
DUE = "due"
ERASED = "erased"

ERASED_DAYS = 400
"""Days back that an erasure deletes keys of, if there were impressions then: a history may just have been read."""

_MERGE_DAYS = SEEN_DAYS // 2
_ENOUGH = 20_000
_IMPRESSION = TYPES.index("impression")


@dataclass(frozen=True)
class Seen(Operator):
    """Keeps the bits of every impression by user and UTC day of its event time, and hands out bitmaps that changed."""

    def build(self, saved: Saved, shard: int = 0) -> "SeenLogic":
        """The logic, going on from saved impressions."""
        return SeenLogic(saved)

    def tables(self) -> Sequence[str]:
        """Impressions, whose bitmaps wait to be written, and who was erased."""
        return (VIEWS, DUE, ERASED)

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """The sum of parts of one table, without days that nobody asks for."""
        if table == VIEWS:
            return merge_views(parts, facts["clock"] // DAY_MS - SEEN_DAYS)
        return merge_due(parts, facts["epoch"]) if table == DUE else merge_erased(parts)


class SeenLogic:
    """Bitmaps of the days that can still change; what is over is in the saved impressions alone.

    No impression of a day before `floor` can come any more. `old_end` says that a store which has forgotten lacks the
    days before it.
    """

    def __init__(self, saved: Saved) -> None:
        facts = saved.facts
        self.clock = facts.get("clock", -FAR)
        self.epoch = facts.get("epoch", 0)
        self.floor = facts.get("floor", -FAR)
        self.old_end = facts.get("old_end", -FAR)
        self._first = facts.get("first", FAR)
        self._merged = facts.get("merged", FAR)
        self._reached = self.clock
        self._settled = -FAR
        self._purge = False
        self._waiting: list[tuple[Int64s, Int64s, Int64s]] = []
        self._fresh: list[Views] = []
        self._erased = Erased(saved.tables.get(ERASED, ()))
        self._past = SeenPast(lambda: saved.recall(VIEWS), self._erased)
        self._days = SeenDays()
        waiting = merge_due([due_table((), 0), *saved.tables.get(DUE, ())], self.epoch)
        for rows in saved.tables.get(VIEWS, ()):
            self._days.restore(self._counting(Views.saved(rows)), waiting, self.floor)
        self._days.wait(waiting)
        self._old = self._old_days()

    @property
    def _today(self) -> int:
        return self.clock // DAY_MS

    def on_rows(self, frame: Frame) -> list[Any]:
        """Take in the impressions of a frame; small frames wait for each other."""
        if frame.topic == TOPIC:
            shown = np.flatnonzero(frame.rows.column("type").indices.to_numpy() == _IMPRESSION)
            users, posts, at_ms = (frame.int64(name)[shown] for name in ("user_id", "post_id", "at_ms"))
            self._waiting.append((users, posts, at_ms))
        if sum(len(users) for users, _, _ in self._waiting) >= _ENOUGH:
            self._count()
        return []

    def on_time(self, clock: int, settled: int) -> list[Any]:
        """Let time pass, as soon as the impressions that wait are counted."""
        self._reached = max(self._reached, clock)
        self._settled = settled
        return []

    def erase(self, erasure: Erasure) -> list[Any]:
        """Forget what users saw; the day of an erasure is put together again from what they saw later on it."""
        if not erasure.here:
            return []
        self._count()
        erased = self._erased.add(erasure)
        self._purge = True
        users, until_ms = erased.user_ids, erased.until_ms
        last = until_ms // DAY_MS
        mixed = self._days.seen_after(users, until_ms)
        mixed |= (last < self.floor) & (last >= self._today - SEEN_DAYS)
        later = self._past.after_erasure(users[mixed], self._fresh)
        self._days.clear(users, last)
        self._fresh = [self._counting(views) for views in self._fresh]
        first = np.full(len(users), max(self._first, self._today - ERASED_DAYS))
        here = np.isin(later.days, list(self._days))
        self._days.add(later.where(here))
        self._old = self._old_days()
        return [SeenErase(users, first, last), *self._past.bitmaps(later.where(~here))]

    def drain(self, urgent_only: bool) -> list[Any]:
        """Bitmaps that changed; and if the store has forgotten, some of those that are over, or all."""
        self._count()
        effects: list[Any] = self._days.take_due()
        for old in self._old:
            effects.append(old)
            if urgent_only:
                break
        return effects

    def snapshot(self) -> Delta:
        """The impressions since the last snapshot, what waits to be written, and how far time has come."""
        self._count()
        self.epoch += 1
        self.floor = max(self.floor, self._settled // DAY_MS, self._today - SEEN_DAYS)
        self._days.leave(self.floor)
        tables = {
            VIEWS: Views.together(self._fresh).table(),
            DUE: due_table(self._days.waiting(), self.epoch),
            ERASED: self._erased.delta(),
        }
        self._fresh = []
        changed = {name: rows for name, rows in tables.items() if rows.num_rows}
        purge = self._take_purge()
        facts = {"clock": self.clock, "epoch": self.epoch, "floor": self.floor, "old_end": self.old_end}
        return Delta(changed, {**facts, "first": self._first, "merged": self._merged}, purge)

    def rewrite(self) -> None:
        """Let all days that a reader may ask for be handed out again, those that are over by and by."""
        self._count()
        self._days.write_again()
        self.old_end = self.floor
        self._old = self._old_days()

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """Saved rows without what was erased."""
        return self._counting(Views.saved(rows)).table() if table == VIEWS else rows

    def _count(self) -> None:
        """Count the impressions that wait, then let time pass."""
        if self._waiting:
            users, posts, at_ms = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
            self._waiting = []
            views = Views.of(users, marks(posts), at_ms)
            views = self._counting(views.where(views.days >= self.floor))
            if len(views):
                self._first = min(self._first, int(views.days.min()))
                self._fresh.append(views)
                self._days.add(views)
        self.clock = max(self.clock, self._reached)

    def _counting(self, views: Views) -> Views:
        """The impressions that were not erased."""
        return views.where(self._erased.counts(views.users, views.at_ms)) if len(self._erased) else views

    def _old_days(self) -> Iterator[SeenSet]:
        """The bitmaps of the days before `old_end` that are not in memory, latest day first."""
        while self.old_end > self._today - SEEN_DAYS:
            if self.old_end - 1 not in self._days:
                yield from self._past.day(self.old_end - 1)
            self.old_end -= 1
        self.old_end = -FAR

    def _take_purge(self) -> bool:
        """Whether all that was saved is to be merged: something was erased, or days went by that nobody asks for."""
        self._merged = min(self._merged, self._today)
        purge = self._purge or self._today >= self._merged + _MERGE_DAYS
        if purge:
            self._purge, self._merged = False, self._today
        return purge
