"""What users are to one kind of thing: windows by pair, and which pairs a reader gets."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from operators.base import Saved
from operators.entity import Entity
from operators.erased import Erased
from operators.key_index import KeyIndex
from operators.lifetime import FAR
from operators.measures import ENGAGEMENTS
from operators.pair_index import NamedPairIndex, PairIndex
from operators.ranking import top
from operators.roll_up import RollUp
from operators.saved_columns import named, placed
from operators.window_state import keys_delta, restore, tiles_delta, tiles_taken_out
from operators.window_table import EVENT, EXPIRY, Window, WindowTable
from schemas.effects import AffinitySet, Effect, Erase
from schemas.frame import Erasure, Int64s, column
from schemas.windows import DAY, WINDOWS

RANKED_BY = "30d"
"""The window whose engagements say which pairs of a user are kept for readers."""

Bools = npt.NDArray[np.bool_]


class PairEntity(Entity):
    """A kind of pair: the window that it is ranked by is always kept, and moves the as-of time."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """The sliding windows, shortest first."""
        names = {*self.registry.windows(self.name), RANKED_BY}
        return tuple(
            Window(name, length_ms, pane_ms)
            for name, (length_ms, pane_ms) in WINDOWS.items()
            if name in names and length_ms is not None and pane_ms is not None
        )


class AffinityTable:
    """Windows by user and something else, and the fields that each user's hash has.

    Candidates are pairs whose last event is at most `ttl_ms` (whole days) before the clock; a user's hash has the
    `most` of them with most engagements in 30 days, then the latest, then the lowest. `shown` says of each slot
    whether it is among them. Users with at least half as many pairs are written whole when they are first written:
    what an earlier process may have written to them last is not known.
    """

    def __init__(self, entity: PairEntity, index: PairIndex, saved: Saved, ttl_ms: int, most: int) -> None:
        self.entity = entity
        self.index = index
        self.ttl_ms = ttl_ms
        self.most = most
        self.table = WindowTable(entity.windows, entity.measures.columns, None, index)
        features = entity.registry.entity(entity.name)
        self.roll_up = RollUp(features, entity.registry.constants, entity.measures)
        tiles, keys = (saved.tables.get(name, ()) for name in entity.tables)
        tiles = [placed(part, entity.measures) for part in tiles]
        restore(self.table, tiles, keys, saved.facts.get("clock", -FAR), saved.facts.get("epoch", 0))
        self.since = saved.facts.get("since", -FAR)
        self.shown = self.table.lives.last >= max(self.since, 1 - FAR)
        self._pairs = np.bincount(index.lefts(slice(index.size)))
        self._known = np.empty(0, np.int64)
        self._again = np.empty(0, np.int64)
        self._every = False
        self._taken_out: list[pa.Table] = []

    def add(self, pairs: tuple[Int64s, Any], at_ms: Int64s, counted: tuple[Int64s, Int64s, Int64s]) -> None:
        """Count events: the pair and time of each, and what `Measures.of` says of them."""
        met = self.index.size
        self.table.add(pairs, at_ms, *counted)
        self._count_pairs(self.index.lefts(slice(met, self.index.size)))
        if more := self.table.capacity - len(self.shown):
            self.shown = np.concatenate((self.shown, np.zeros(more, np.bool_)))

    def take(self) -> list[AffinitySet]:
        """What of the users' hashes has changed since the last call, save what trails."""
        since = (self.table.clock - self.ttl_ms) // DAY * DAY
        event, expiry = self.table.take_due(EVENT), self.table.take_due(EXPIRY)
        left = event[:0]
        if since > self.since:
            left = np.flatnonzero(self.shown & (self.table.lives.last < since))
            self.since = since
        return self._changes(event, expiry, left)

    def trail(self, least: int, share: float) -> list[AffinitySet]:
        """Some of what has changed because days left the windows."""
        expiry = self.table.take_trailing(least, share)
        return self._changes(expiry[:0], expiry, expiry[:0]) if len(expiry) else []

    def _changes(self, event: Int64s, expiry: Int64s, left: Int64s) -> list[AffinitySet]:
        """What to write where something happened, or only time passed, or where pairs have left the hashes."""
        last = self.table.lives.last
        due = np.concatenate((event, expiry))
        ranked, anew = self._to_rank(
            self.index.lefts(event), self.index.lefts(np.concatenate((expiry, left)))
        )
        apart = ranked[self.index.lefts(due)]
        write, gone, whole = self._ranked(ranked, anew, due[apart])
        due = due[~apart]
        stays = last[due] >= self.since
        write = np.concatenate((write, due[stays]))
        # What is over already may have been written by a process that came further before it was stopped.
        over = np.union1d(left[~ranked[self.index.lefts(left)]], due[~stays])
        gone = np.concatenate((gone, over))
        self.shown[write], self.shown[gone] = True, False
        happened = np.zeros(self.table.capacity, np.bool_)
        happened[event] = True
        return self._effects(write, gone, ~happened[write], whole)

    def erase(self, erasure: Erasure) -> list[Effect]:
        """Take out what users did, and what was done to them as authors, up to the day of their erasure."""
        effects: list[Effect] = [Erase(self.entity.name, erasure.user_ids)] if erasure.here else []
        users = self._until(self.index.left, self.index.lefts(slice(self.index.size)), erasure)
        until = np.maximum(users, self._others_until(erasure))
        slots = np.flatnonzero((until > -FAR) & (self.table.lives.last[: self.index.size] > -FAR))
        if len(slots):
            self._taken_out.append(tiles_taken_out(self.table, slots, until[slots] // self.table.pane_ms))
            left = self.table.erase(slots, until[slots])
            self.table.due[slots[left]] = EVENT
            gone = np.delete(slots, left)
            gone = gone[self.shown[gone] & (users[gone] == -FAR)]
            self.shown[gone] = self.shown[slots[users[slots] > -FAR]] = False
            self._again = np.concatenate((self._again, self.index.first(slots)))
            effects += self._effects(gone[:0], gone, np.empty(0, np.bool_), gone[:0])
        return effects

    def forget_erased(self, erased: Erased) -> None:
        """After a restore: let go of pairs that are still saved, but erased."""
        slots = np.arange(self.index.size)
        until = erased_until((self.index.first(slots), self.index.second(slots)), erased)
        over = np.flatnonzero(self.table.lives.last[slots] <= until)
        self.table.lives.erase(over)
        self.table.last_exit[over], self.table.due[over], self.shown[over] = -FAR, 0, False

    def delta(self, epoch: int) -> dict[str, pa.Table]:
        """Tiles and keys that changed since the last call, by the name of their table."""
        tiles = pa.concat_tables([tiles_delta(self.table), *self._taken_out])
        self._taken_out = []
        found = (named(tiles, self.entity.measures), keys_delta(self.table, epoch))
        return dict(zip(self.entity.tables, found, strict=True))

    def forget(self, settled: int) -> None:
        """Let go of pairs that no reader gets any more and no event can change."""
        longest = self.table.windows[-1].length_ms + 2 * self.table.windows[-1].pane_ms
        kept = self.table.forget(min(settled, self.since + longest))
        if kept is not None:
            self.shown = self.shown[kept]
            self._pairs = np.bincount(self.index.lefts(slice(self.index.size)))

    def rewrite(self) -> None:
        """Let the hash of every user be written whole again."""
        self.table.write_all(self.since)
        self._known = self._known[:0]
        self._every = True

    def prune(self, name: str, rows: pa.Table, erased: Erased) -> pa.Table:
        """Saved rows of pairs that are still known; tiles add up to nothing where something was taken out."""
        if name == self.entity.tables[0]:
            return rows
        pairs = self.index.of(rows)
        known = self.index.find(pairs) >= 0
        if len(erased):
            known &= column(rows, "last_ms") > erased_until(pairs, erased)
        return rows.filter(pa.array(known))

    def _to_rank(self, busy: Int64s, moved: Int64s) -> tuple[Bools, Bools]:
        """By slot in the index of users: whose pairs are ranked, and of whom all of them.

        `busy` are users of pairs that something happened to, `moved` of pairs that may have fallen back. Where
        nothing fell back, only what something happened to can come among the best.
        """
        anew = np.zeros(len(self._pairs), np.bool_)
        again = self.index.left.find(self._again)
        anew[moved] = anew[again[again >= 0]] = True
        self._again = self._again[:0]
        if self._every:
            self._every = False
            return self._pairs > 0, self._pairs > 0
        due = anew.copy()
        due[busy] = True
        anew = due & (self._pairs > self.most // 2) & (anew | ~self._are_known())
        return anew | (due & (self._pairs > self.most)), anew

    def _are_known(self) -> Bools:
        """By slot in the index of users: whose hash is known, since this process has written it whole."""
        known = np.zeros(len(self._pairs) + 1, np.bool_)
        known[self.index.left.find(self._known)] = True
        return known[:-1]

    def _ranked(self, ranked: Bools, anew: Bools, due: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """Of ranked users the slots to write, those that go, and the ids of users to be written whole."""
        if not ranked.any():
            return due[:0], due[:0], due[:0]
        unsure = ranked & ~self._are_known()
        ids = self.index.left.keys[np.flatnonzero(unsure)]
        self._known = np.union1d(self._known, ids)
        dirty = np.zeros(self.table.capacity, np.bool_)
        dirty[due] = True
        size = self.index.size
        users = self.index.lefts(slice(size))
        mine = np.flatnonzero(anew[users] | (ranked[users] & (dirty[:size] | self.shown[:size])))
        best = np.zeros(self.table.capacity, np.bool_)
        best[self._best(mine)] = True
        whole = unsure[users[mine]]
        write = mine[best[mine] & (dirty[mine] | ~self.shown[mine] | whole)]
        gone = mine[self.shown[mine] & ~best[mine] & ~whole]
        self.shown[mine] = best[mine]
        return write, gone, ids

    def _best(self, slots: Int64s) -> Int64s:
        """Those of the slots that are among the best of their user."""
        last = self.table.lives.last
        slots = slots[last[slots] >= max(self.since, 1 - FAR)]
        counts = self.table.counts.window(len(self.table.windows) - 1, slots)
        engagements = counts[:, [self.entity.measures.column(name) for name in ENGAGEMENTS]].sum(axis=1)
        order = self.index.order(slots)
        best = top(self.index.lefts(slots), engagements.astype(np.int64), last[slots], order, self.most)
        return slots[best]

    def _effects(self, write: Int64s, gone: Int64s, expiry: Bools, whole: Int64s) -> list[AffinitySet]:
        if not len(write) and not len(gone) and not len(whole):
            return []
        slots = np.concatenate((write, gone))
        values = np.zeros((len(slots), len(self.roll_up.features)), np.float32)
        values[: len(write)] = self.roll_up.vectors(self.table, write)
        return [
            AffinitySet(
                self.entity.name,
                self.index.first(slots),
                pa.array(self.index.second(slots)),
                self.table.as_of(slots),
                values,
                np.concatenate((expiry, np.zeros(len(gone), np.bool_))),
                np.arange(len(slots)) >= len(write),
                whole,
            )
        ]

    def _others_until(self, erasure: Erasure) -> Int64s:
        if isinstance(self.index, NamedPairIndex):
            return np.full(self.index.size, -FAR)
        return self._until(self.index.right, self.index.rights(slice(self.index.size)), erasure)

    def _until(self, index: KeyIndex, codes: Int64s, erasure: Erasure) -> Int64s:
        """When the key in `index` with each of the `codes` was erased, ms."""
        known = index.find(erasure.user_ids)
        until = np.full(index.size + 1, -FAR)
        until[known] = erasure.until_ms
        until[-1] = -FAR
        return until[codes]

    def _count_pairs(self, users: Int64s) -> None:
        counted = np.bincount(users, minlength=len(self._pairs))
        counted[: len(self._pairs)] += self._pairs
        self._pairs = counted


def erased_until(pairs: tuple[Int64s, Any], erased: Erased) -> Int64s:
    """The time up to which what pairs did counts no more, ms: because of the user, or of the author."""
    until = erased.until(pairs[0])
    return until if isinstance(pairs[1], pa.Array) else np.maximum(until, erased.until(pairs[1]))
