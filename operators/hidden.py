"""What users don't want to see: posts that they have hidden or reported, and authors whom they have muted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from operators.base import Delta, Operator, Saved
from operators.entity import TOPIC
from operators.erased import Erased, merge_erased
from operators.hidden_pairs import HiddenPairs, merge_pairs
from operators.hidden_writes import HiddenWrites, merge_writes
from operators.lifetime import FAR
from schemas.effects import MemberSet
from schemas.frame import Erasure, Frame, Int64s
from schemas.records import enum_symbols

PAIRS = "pairs"
WRITES = "writes"
ERASED = "erased"

NEWEST = 1_000
"""Most items of a user that readers get."""

KEPT = 10_000
"""Most items of a user that are remembered, so that one that is taken back makes room for an older one."""

AGAIN_MS = 20 * 86_400_000
"""The set of an active user is written again when it was not written for this long: half of how long a key lives."""

AUTHOR: Final = "author_id"

_CODES = {word: code for code, word in enumerate(enum_symbols("Interaction", "type"))}
_ROW_BITS = 20


@dataclass(frozen=True)
class Hidden(Operator):
    """Keeps one kind of set: the interaction types `puts` put the column `item` into it, `takes` take it out.

    The events of a user and an item are in the order of their times, then of the log; the last one decides. A set is
    the newest 1,000 items, by the time of that last event, of equally old ones the lowest.
    """

    kind: str
    item: str
    puts: tuple[str, ...]
    takes: tuple[str, ...]

    def build(self, saved: Saved, shard: int = 0) -> "HiddenLogic":
        """The logic, going on from saved pairs."""
        return HiddenLogic(self, saved)

    def tables(self) -> Sequence[str]:
        """The last event of each user and item, when users were written, and who was erased."""
        return (PAIRS, WRITES, ERASED)

    def merge(self, table: str, parts: Sequence[pa.Table], facts: Mapping[str, int]) -> pa.Table:
        """The sum of parts of one table."""
        return {PAIRS: merge_pairs, WRITES: merge_writes, ERASED: merge_erased}[table](parts)


HIDDEN: Final = Hidden("hidden", "post_id", ("hide", "report"), ("unhide",))
MUTED: Final = Hidden("muted", AUTHOR, ("mute",), ("unmute",))


class HiddenLogic:
    """The sets of one kind. The store gets a whole set whenever it changes: they are small and change seldom."""

    def __init__(self, config: Hidden, saved: Saved) -> None:
        self.config = config
        self.clock = saved.facts.get("clock", -FAR)
        self.epoch = saved.facts.get("epoch", 0)
        self._settled = -FAR
        self._purge = False
        self._acts = np.zeros(len(_CODES), np.int8)
        self._acts[[_CODES[word] for word in config.puts]] = 1
        self._acts[[_CODES[word] for word in config.takes]] = -1
        self._erased = Erased(saved.tables.get(ERASED, ()))
        self._pairs = HiddenPairs()
        if parts := saved.tables.get(PAIRS, ()):
            self._pairs.restore(self._left(merge_pairs(parts)))
        self._writes = HiddenWrites()
        if parts := saved.tables.get(WRITES, ()):
            self._writes.restore(merge_writes(parts), self.epoch)

    def on_rows(self, frame: Frame) -> list[Any]:
        """Take in what was hidden or taken back; any act of a user may have the set written again."""
        if frame.topic != TOPIC:
            return []
        self._writes.wait_if_before(frame.int64("user_id"), self.clock - AGAIN_MS)
        acts = self._acts[frame.rows.column("type").indices.to_numpy()]
        rows = np.flatnonzero(acts)
        if len(rows):
            offsets = frame.offsets[rows]
            place = offsets << _ROW_BITS | (rows - np.searchsorted(frame.offsets, offsets))
            users, items = frame.int64("user_id")[rows], frame.int64(self.config.item)[rows]
            self._put(users, items, frame.int64("at_ms")[rows], place, acts[rows] > 0)
        return []

    def on_time(self, clock: int, settled: int) -> list[Any]:
        """Let time pass."""
        self.clock = max(self.clock, clock)
        self._settled = settled
        return []

    def erase(self, erasure: Erasure) -> list[Any]:
        """Forget what users hid, and them as authors who were muted."""
        if not (erasure.here or self.config.item == AUTHOR):
            return []
        self._purge = True
        erased = self._erased.add(erasure).user_ids
        had = self._pairs.take_out(lambda users, items, at_ms: ~self._counts(users, items, at_ms))
        if not erasure.here:
            self._writes.wait(had)
            return []
        self._writes.wait(np.setdiff1d(had, erased))
        self._writes.leave(erased)
        return [MemberSet(self.config.kind, erased, *self._pairs.newest(erased, NEWEST))]

    def drain(self, urgent_only: bool) -> list[Any]:
        """The sets that changed; all of them are urgent."""
        users = self._writes.take(self.clock)
        return [MemberSet(self.config.kind, users, *self._pairs.newest(users, NEWEST))] if len(users) else []

    def snapshot(self) -> Delta:
        """Pairs and writes since the last snapshot, and who was erased."""
        self.epoch += 1
        tables = {
            PAIRS: self._pairs.delta(),
            WRITES: self._writes.delta(self.epoch),
            ERASED: self._erased.delta(),
        }
        purge, self._purge = self._purge, False
        if self._pairs.forget(self._settled, KEPT, now=purge):
            self._writes.forget(self._pairs.users())
        changed = {name: rows for name, rows in tables.items() if rows.num_rows}
        return Delta(changed, {"clock": self.clock, "epoch": self.epoch}, purge)

    def rewrite(self) -> None:
        """Let every set be written again."""
        self._writes.wait(self._pairs.users())

    def prune(self, table: str, rows: pa.Table) -> pa.Table:
        """Saved rows without what was erased or is not remembered any more.

        What was taken back stays: a chunk that isn't here may hold what it was that was taken back.
        """
        if table == PAIRS:
            known = self._pairs.index.find(self._pairs.index.of(rows)) >= 0
            return self._left(rows.filter(pa.array(known | ~_column(rows, "inside"))))
        if table == WRITES:
            return rows.filter(pa.array(self._pairs.index.left.find(_column(rows, "key")) >= 0))
        return rows

    def _put(
        self, users: Int64s, items: Int64s, at_ms: Int64s, place: Int64s, inside: npt.NDArray[np.bool_]
    ) -> None:
        counting = self._counts(users, items, at_ms)
        rows = np.flatnonzero(counting)
        if len(rows):
            changed = self._pairs.put(users[rows], items[rows], at_ms[rows], place[rows], inside[rows])
            self._writes.wait(changed)
        if len(rows) < len(users):
            # Before a crash the act may have come before the erasure of the author, and may have been written.
            rows = np.flatnonzero(~counting)
            self._writes.wait(users[rows[self._erased.counts(users[rows], at_ms[rows])]])

    def _counts(self, users: Int64s, items: Int64s, at_ms: Int64s) -> npt.NDArray[np.bool_]:
        """Whether nobody was erased whom an event is of, or who was muted by it."""
        counting = self._erased.counts(users, at_ms)
        return counting & self._erased.counts(items, at_ms) if self.config.item == AUTHOR else counting

    def _left(self, rows: pa.Table) -> pa.Table:
        """Saved pairs that were not erased."""
        if not len(self._erased):
            return rows
        counting = self._counts(*(_column(rows, name) for name in ("key", "other", "at_ms")))
        return rows.filter(pa.array(counting))


def _column(rows: pa.Table, name: str) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = rows.column(name).to_numpy()
    return found
