"""Sessions against a naive recomputation: joined, cut, over, out of order, saved, forgotten, erased."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import session
from operators.lifetime import FAR
from operators.session import SessionTable
from operators.session_state import (
    POSTS,
    TILES,
    merge_sessions,
    prune_sessions,
    restore_sessions,
    sessions_delta,
)
from schemas.expression import SESSION_COUNTERS
from tests.operators.histories import CODES, DAY, HOUR, LATENESS, START, USERS, Row, histories
from tests.operators.naive_session import MINUTE, current, end_of
from tests.operators.naive_windows import counter


def add(table: SessionTable, rows: Sequence[Row]) -> None:
    users, at_ms, posts = (
        np.array([row[name] for row in rows], np.int64) for name in ("user_id", "at_ms", "post_id")
    )
    table.add(users, at_ms, np.array([CODES[row["type"]] for row in rows], np.int8), posts)


def of(rows: Sequence[Row], user: int) -> list[Row]:
    return [row for row in rows if row["user_id"] == user]


class Owner:
    """Keeps sessions as a flow does: writes who changed or whose session ended, saves, resumes, erases.

    `written` has by user the time as of which and the counters, as they were last written.
    """

    def __init__(self) -> None:
        self.table = SessionTable()
        self.rows: list[Row] = []
        self.written: dict[int, tuple[int, list[float]]] = {}
        self.clock = START - DAY
        self._due: set[int] = set()
        self._ended: dict[int, int] = {}
        self._erased: dict[int, int] = {}
        self._tables: dict[str, list[pa.Table]] = defaultdict(list)

    def read(self, rows: Sequence[Row], ahead: int) -> None:
        add(self.table, rows)
        self.rows += rows
        self._due |= {row["user_id"] for row in rows}
        self.clock = max(self.clock, max(row["at_ms"] for row in rows) - ahead)
        self.table.pass_to(self.clock, self.clock - LATENESS)

    def write(self) -> None:
        self._due |= set(self.table.take_ended().tolist())
        users = np.array(sorted(self._due), np.int64)
        self._due = set()
        ends = self.table.ends(users).tolist()
        newest = [max(row["at_ms"] for row in of(self.rows, user)) for user in users.tolist()]
        as_of = [
            max(last, end, self._ended.get(user, -FAR))
            for user, last, end in zip(users.tolist(), newest, ends, strict=True)
        ]
        counts = self.table.counts(users, np.array(as_of, np.int64)).T.tolist()
        self.written |= dict(zip(users.tolist(), zip(as_of, counts, strict=True), strict=True))

    def save(self, merge: bool) -> None:
        self._due |= set(self.table.take_ended().tolist())
        users, ends = self.table.forget()
        for user, end in zip(users.tolist(), ends.tolist(), strict=True):
            self._ended[user] = max(end, self._ended.get(user, -FAR))
        for name, delta in sessions_delta(self.table).items():
            self._tables[name].append(delta)
            if merge:
                merged = merge_sessions(name, self._tables[name], self.clock - LATENESS)
                self._tables[name] = [prune_sessions(self.table, merged)]

    def resume(self) -> None:
        self.table = SessionTable()
        restore_sessions(self.table, self._tables[TILES], self._tables[POSTS], self.clock)
        self.table.erase(np.array([*self._erased], np.int64), np.array([*self._erased.values()], np.int64))
        self.table.pass_to(self.clock, self.clock - LATENESS)

    def erase(self, user: int, until_ms: int) -> None:
        self._erased[user] = max(until_ms, self._erased.get(user, -FAR))
        self.table.erase(np.array([user]), np.array([until_ms]))
        self._due |= {row["user_id"] for row in self.rows if row["user_id"] == user}

    def expected(self) -> dict[int, tuple[int, list[float]]]:
        """What must have been written."""
        found = {}
        for user in {row["user_id"] for row in self.rows}:
            until = self._erased.get(user, -FAR) // MINUTE
            counted = [row for row in of(self.rows, user) if row["at_ms"] // MINUTE > until]
            newest = max(row["at_ms"] for row in of(self.rows, user))
            end = end_of(counted)
            t = max(newest, end if end is not None and end <= self.clock else -FAR)
            session = current(counted, t)
            found[user] = (t, [counter(name, session, ()) for name in SESSION_COUNTERS])
        return found


@pytest.mark.parametrize("few", [1, 1024], ids=["forgets at once", "forgets in bulk"])
@settings(max_examples=300, deadline=None)
@given(rows=histories(), data=st.data())
def test_equals_naive_recomputation(few: int, rows: list[Row], data: st.DataObject) -> None:
    """However it is cut, written, saved, merged, pruned, forgotten and resumed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "_FEW", few)
        owner = Owner()
        while len(owner.rows) < len(rows):
            size = data.draw(st.integers(1, len(rows)))
            ahead = data.draw(st.sampled_from([0, 0, 1, MINUTE]))
            owner.read(rows[len(owner.rows) : len(owner.rows) + size], ahead)
            for step in data.draw(
                st.lists(st.sampled_from(["write", "save", "merge", "resume"]), max_size=3)
            ):
                if step == "write":
                    owner.write()
                else:
                    owner.save(merge=step == "merge")
                    if step == "resume":
                        owner.resume()
        owner.write()
        assert owner.written == owner.expected()


@settings(max_examples=200, deadline=None)
@given(rows=histories(), data=st.data())
def test_what_was_erased_is_in_no_session(rows: list[Row], data: st.DataObject) -> None:
    """Whatever a user did up to the minute of the erasure, whether it was read before or after."""
    owner = Owner()
    while len(owner.rows) < len(rows):
        size = data.draw(st.integers(1, len(rows)))
        owner.read(rows[len(owner.rows) : len(owner.rows) + size], 0)
        if data.draw(st.booleans()):
            until = owner.clock - data.draw(st.one_of(st.integers(0, HOUR), st.integers(0, DAY)))
            owner.erase(data.draw(st.sampled_from(USERS)), until)
        if data.draw(st.booleans()):
            owner.write()
        if data.draw(st.booleans()):
            owner.save(merge=data.draw(st.booleans()))
            if data.draw(st.booleans()):
                owner.resume()
    owner.write()
    found, expected = owner.written, owner.expected()
    assert {user: counts for user, (_, counts) in found.items()} == {
        user: counts for user, (_, counts) in expected.items()
    }
