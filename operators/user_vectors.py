"""The vectors of users: their windows, and the session that each is in."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from operators.base import Saved
from operators.entity import KEYS, Entity
from operators.erased import Erased
from operators.lifetime import FAR
from operators.session import GAP_MS, OVER_MS, SessionTable
from operators.session_runs import MINUTE_MS
from operators.session_state import (
    ENDS,
    POSTS,
    TABLES,
    TILES,
    merge_sessions,
    prune_sessions,
    restore_sessions,
    sessions_delta,
)
from operators.vector_table import VectorTable
from operators.window_table import EXPIRY
from schemas.effects import VectorSet
from schemas.frame import Erasure, Int64s, column
from schemas.windows import SESSION


class UserVectors(VectorTable):
    """A vector table of users. A vector is also as of the end of the user's last session, once the clock is there.

    Sessions are counted only where a formula reads them.
    """

    def __init__(self, entity: Entity, saved: Saved, erased: Erased) -> None:
        super().__init__(entity, saved, erased)
        self.has_sessions = SESSION in entity.registry.windows(entity.name)
        self.sessions = SessionTable()
        self._ends = np.full(self.table.capacity, -FAR)
        if self.has_sessions:
            tiles, posts, ends = (saved.tables.get(name, ()) for name in (TILES, POSTS, ENDS))
            restore_sessions(self.sessions, tiles, posts, saved.facts.get("clock", -FAR))
            self._restore_ends(ends)
            self._erase_sessions(erased.all())

    def add(self, rows: pa.RecordBatch) -> None:
        """Count interactions."""
        users, at_ms = column(rows, KEYS[self.entity.name]), column(rows, "at_ms")
        self.table.add(users, at_ms, *self.entity.measures.of(rows))
        if self.has_sessions:
            codes = rows.column("type").indices.to_numpy()
            self.sessions.add(users, at_ms, codes, column(rows, KEYS["post"]))

    def pass_to(self, clock: int, settled: int) -> None:
        """Let time pass: panes leave windows, sessions come to their end; no event before `settled` comes any more."""
        self.table.pass_to(clock)
        self.sessions.pass_to(clock, settled)

    def forget(self, settled: int) -> dict[str, pa.Table]:
        """Let go of sessions and users that no event from `settled` on can change; returns what is to be saved of them.

        That is when sessions of users that stay came to their end.
        """
        users, ends = self.sessions.forget()
        noted = self._note_ends(users, ends)
        kept = self.table.forget(settled - OVER_MS)
        if kept is not None:
            self._ends = noted[kept]
        known = self.table.index.find(users) >= 0
        return {ENDS: pa.table({"key": users[known], "end_ms": ends[known]})}

    def take(self, urgent: bool) -> list[VectorSet]:
        """The vectors that wait to be written; those of sessions that have come to their end are not urgent."""
        if not urgent:
            self._end()
        return super().take(urgent)

    def as_of(self, slots: Int64s) -> Int64s:
        """The time as of which the vector of each slot is, ms."""
        ends = np.maximum(self._all_ends()[slots], self.sessions.ends(self.table.index.keys[slots]))
        return np.maximum(self.table.as_of(slots), ends)

    def values(self, slots: Int64s, as_of: Int64s) -> npt.NDArray[np.float32]:
        """What is in the vectors of slots as of their time, float32[n, features]."""
        sessions = self.sessions.counts(self.table.index.keys[slots], as_of)
        return self.roll_up.vectors(self.table, slots, sessions)

    def erase(self, erasure: Erasure) -> Int64s:
        """Forget what users did in panes and minutes up to those of their erasure; returns users with nothing left."""
        if self.has_sessions:
            self._erase_sessions(erasure)
        return super().erase(erasure)

    def delta(self, epoch: int) -> dict[str, pa.Table]:
        """What changed since the last call, by the name of its table."""
        if not self.has_sessions:
            return super().delta(epoch)
        self._end()
        return {**super().delta(epoch), **sessions_delta(self.sessions)}

    def prune(self, name: str, rows: pa.Table, erased: Erased) -> pa.Table:
        """Saved rows that are still needed, without what was erased."""
        if name == ENDS:
            users = column(rows, "key")
            minutes = (column(rows, "end_ms") - GAP_MS) // MINUTE_MS
            needed = (self.table.index.find(users) >= 0) & (minutes > erased.until(users) // MINUTE_MS)
            return rows.filter(pa.array(needed))
        return prune_sessions(self.sessions, rows) if name in TABLES else super().prune(name, rows, erased)

    def _erase_sessions(self, erasure: Erasure) -> None:
        self.sessions.erase(erasure.user_ids, erasure.until_ms)
        slots = self.table.index.find(erasure.user_ids)
        known = slots >= 0
        ends = self._all_ends()
        last = (ends[slots[known]] - GAP_MS) // MINUTE_MS
        ends[slots[known][last <= erasure.until_ms[known] // MINUTE_MS]] = -FAR

    def _end(self) -> None:
        """Let users wait to be written whose sessions have come to their end."""
        slots = self.table.index.find(self.sessions.take_ended())
        slots = slots[slots >= 0]
        self.table.due[slots] = np.maximum(self.table.due[slots], EXPIRY)

    def _restore_ends(self, parts: Sequence[pa.Table]) -> None:
        if parts:
            ends = merge_sessions(ENDS, parts, -FAR)
            self._note_ends(column(ends, "key"), column(ends, "end_ms"))

    def _note_ends(self, users: Int64s, ends: Int64s) -> Int64s:
        """Note when sessions came to their end that can't be prolonged; returns all such ends by slot."""
        slots = self.table.index.find(users)
        known = np.flatnonzero(slots >= 0)
        noted = self._all_ends()
        noted[slots[known]] = np.maximum(noted[slots[known]], ends[known])
        return noted

    def _all_ends(self) -> Int64s:
        """By slot the end of the last session that can't be prolonged any more."""
        if len(self._ends) < self.table.capacity:
            more = np.full(self.table.capacity - len(self._ends), -FAR)
            self._ends = np.concatenate((self._ends, more))
        return self._ends
