"""Users' vectors with sessions in them, through the whole operator: written, saved, forgotten, erased."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import session
from operators.base import Saved
from operators.session_state import ENDS, TABLES, TILES
from operators.users import Users
from schemas.effects import VectorSet
from schemas.frame import Erasure
from schemas.registry import Registry
from tests.operators.events import event, frame
from tests.operators.histories import DAY, HOUR, LATENESS, START, Row, histories
from tests.operators.naive_session import HALF_HOUR, MINUTE
from tests.operators.naive_windows import vector

REGISTRY = Registry.load(Path(__file__).with_name("session_features.toml"))
OPERATOR = Users(REGISTRY, (1000,), ttl_ms={"user": 400 * DAY})

ONE = """
name = "other"
version = 4

[[feature]]
name = "impressions"
windows = { user = ["24h"] }
formula = "impressions"
doc = "impressions"
"""

Vectors = dict[int, tuple[int, list[float]]]


class Flow:
    """The operator with what it saved and wrote; an expiry never brings a vector back."""

    def __init__(self, operator: Users = OPERATOR) -> None:
        self.operator = operator
        self.logic = operator.build(Saved())
        self.rows: list[Row] = []
        self.clock = self.reached = START - DAY
        self.tables: dict[str, list[pa.Table]] = defaultdict(list)
        self.written: Vectors = {}
        self._facts: dict[str, int] = {}

    def read(self, rows: Sequence[Row], ahead: int = 0) -> None:
        self.rows += rows
        self.logic.on_rows(frame(rows))
        self.reached = max(self.reached, max(row["at_ms"] for row in rows) - ahead)
        self.pass_to(self.reached)

    def pass_to(self, clock: int) -> None:
        """Let time pass, by other partitions."""
        self.clock = max(self.clock, clock)
        self.logic.on_time(self.clock, self.reached - LATENESS)

    def write(self) -> None:
        for effect in self.logic.drain(urgent_only=False):
            assert isinstance(effect, VectorSet)
            columns = (effect.ids.tolist(), effect.as_of_ms.tolist(), effect.values.tolist(), effect.expiry)
            for user, t, values, expiry in zip(*columns, strict=True):
                if not expiry or user in self.written:
                    self.written[user] = (t, values)

    def save(self, merge: bool) -> None:
        delta = self.logic.snapshot()
        self._facts = delta.facts
        for name, table in delta.tables.items():
            self.tables[name].append(table)
        if merge:
            for name, parts in self.tables.items():
                self.tables[name] = [self.logic.prune(name, self.operator.merge(name, parts, delta.facts))]

    def resume(self) -> None:
        self.logic = self.operator.build(Saved(self.tables, self._facts))
        self.pass_to(self.clock)

    def erase(self, user: int, until_ms: int) -> None:
        self.logic.erase(Erasure(np.array([user]), np.array([until_ms])))

    def saved(self, name: str) -> int:
        return sum(table.num_rows for table in self.tables[name])


def expected(rows: Sequence[Row], clock: int) -> Vectors:
    """The vectors of all users by the naive recomputation, as float32."""
    found = {}
    for user in {row["user_id"] for row in rows}:
        mine = [row for row in rows if row["user_id"] == user]
        t, values = vector("user", mine, clock, REGISTRY, (1000,))
        found[user] = (t, np.array(values, np.float64).astype(np.float32).tolist())
    return found


def same(found: Vectors, wanted: Vectors) -> bool:
    """NaN equals NaN."""
    return str(sorted(found.items())) == str(sorted(wanted.items()))


@pytest.mark.parametrize("few", [1, 1024], ids=["forgets at once", "forgets in bulk"])
@settings(max_examples=200, deadline=None)
@given(rows=histories(), data=st.data())
def test_equals_naive_recomputation(few: int, rows: list[Row], data: st.DataObject) -> None:
    """Cut, written, saved, merged, resumed and written again anywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "_FEW", few)
        flow = Flow()
        while len(flow.rows) < len(rows):
            size = data.draw(st.integers(1, len(rows)))
            flow.read(
                rows[len(flow.rows) : len(flow.rows) + size], data.draw(st.sampled_from([0, 0, MINUTE]))
            )
            if data.draw(st.booleans()):
                flow.pass_to(flow.clock + data.draw(st.sampled_from([0, 30 * MINUTE, 2 * HOUR])))
            for step in data.draw(
                st.lists(st.sampled_from(["write", "save", "merge", "resume"]), max_size=3)
            ):
                if step == "write":
                    flow.write()
                else:
                    flow.save(merge=step == "merge")
                    if step == "resume":
                        flow.resume()
        flow.write()
        assert same(flow.written, expected(flow.rows, flow.clock))
        flow.save(merge=True)
        flow.logic.rewrite()
        flow.write()
        assert same(flow.written, expected(flow.rows, flow.clock))


def crowd(n: int, at_ms: int) -> list[Row]:
    return [event(user_id=user, at_ms=at_ms) for user in range(n)]


@pytest.mark.parametrize("merge", [False, True])
def test_what_is_over_takes_no_memory(merge: bool) -> None:
    """Neither here nor in what is saved, but for the instant at which each session came to its end."""
    flow = Flow()
    flow.read(crowd(3000, START))
    flow.save(merge)
    assert (flow.logic.vectors.sessions.index.size, flow.saved(TILES)) == (3000, 3000)
    flow.read([event(user_id=-1, at_ms=START + 2 * HOUR)])
    flow.save(merge)
    assert flow.logic.vectors.sessions.index.size == 1
    assert flow.saved(ENDS) == 3000
    assert flow.saved(TILES) == (1 if merge else 3001)
    flow.resume()
    flow.write()
    assert same(flow.written, expected(flow.rows, flow.clock))
    flow.read([event(user_id=-1, at_ms=START + 60 * DAY)])
    flow.write()
    flow.save(merge)
    assert flow.logic.vectors.table.index.size == 1
    assert flow.saved(ENDS) == (0 if merge else 3000)


def test_a_session_ends_with_the_erasure_of_its_user() -> None:
    """What came in the minute of the erasure or before is in no session, read before or after; later sessions stay."""
    at = [START, START + MINUTE, START + 2 * MINUTE]
    flow = Flow()
    flow.read([event(type="click", user_id=1, post_id=post, at_ms=t) for post, t in enumerate(at[:2])])
    flow.write()
    flow.erase(1, START + 10)
    flow.read([event(user_id=1, post_id=3, at_ms=START + 11), event(user_id=1, post_id=9, at_ms=at[2])])
    flow.write()
    t, values = flow.written[1]
    assert (t, values[:3]) == (at[2], [2, 2011, MINUTE])


def test_the_end_of_a_session_after_the_erasure_stays() -> None:
    """The erasure is read long after what the user did later, when that session is over and forgotten."""
    flow = Flow()
    flow.read([event(user_id=1, at_ms=START), event(user_id=1, at_ms=START + 3 * DAY)])
    flow.read([event(user_id=2, at_ms=START + 3 * DAY + 3 * HOUR)])
    flow.save(merge=False)
    flow.erase(1, START)
    flow.save(merge=True)
    flow.resume()
    flow.write()
    assert flow.written[1][0] == START + 3 * DAY + HALF_HOUR


def test_nothing_is_kept_of_sessions_that_no_formula_reads(tmp_path: Path) -> None:
    """Nor of those that were kept while one did."""
    file = tmp_path / "features.toml"
    file.write_text(ONE)
    flow = Flow()
    flow.read(crowd(3, START))
    flow.save(merge=False)
    flow.operator = Users(Registry.load(file), (1000,), ttl_ms={"user": DAY})
    flow.resume()
    flow.read(crowd(3, START + 1))
    flow.save(merge=True)
    assert [flow.saved(name) for name in TABLES] == [0, 0, 0]


def test_a_user_stays_until_the_end_of_the_session(tmp_path: Path) -> None:
    """Though there is no window whose pane is still to leave, and no event that can still come."""
    file = tmp_path / "features.toml"
    file.write_text(ONE.replace("24h", "session"))
    flow = Flow(Users(Registry.load(file), (1000,), ttl_ms={"user": DAY}))
    flow.read(crowd(3000, START))
    flow.write()
    flow.logic.on_time(START + 20 * MINUTE, START + 20 * MINUTE)
    flow.save(merge=False)
    before = flow.written[7]
    flow.pass_to(START + HALF_HOUR)
    flow.write()
    assert (before, flow.written[7]) == ((START, [1]), (START + HALF_HOUR, [0]))
