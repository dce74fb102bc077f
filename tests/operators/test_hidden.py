"""Hidden posts and muted authors equal a recomputation, whatever is taken back, erased, lost or resumed meanwhile."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import hidden as module
from operators.base import Saved
from operators.hidden import AGAIN_MS, HIDDEN, MUTED, NEWEST, PAIRS, WRITES, Hidden, HiddenLogic
from schemas.effects import MemberSet
from schemas.frame import Erasure, Frame
from tests.operators.events import event, frame
from tests.operators.naive_hidden import sets

HOUR = 3_600_000
START = 1_700_000_000_000
DAY = 24 * HOUR

Sets = dict[int, set[int]]


def write(redis: Sets, kind: str, effects: Sequence[Any]) -> list[int]:
    """Apply effects; returns the users whose sets were written."""
    written: list[int] = []
    for effect in effects:
        assert isinstance(effect, MemberSet)
        assert effect.kind == kind
        users = effect.user_ids.tolist()
        assert len(set(users)) == len(users)
        written += users
        for user, items in zip(users, np.split(effect.members, effect.ends)[:-1], strict=True):
            assert len(set(items.tolist())) == len(items)
            redis[user] = set(items.tolist())
            if not len(items):
                del redis[user]
    return written


class Disk:
    """Chunks of tables, and the facts of the last snapshot."""

    def __init__(self, operator: Hidden) -> None:
        self.operator = operator
        self.tables: dict[str, list[Any]] = defaultdict(list)
        self.facts: dict[str, int] = {}

    def build(self) -> HiddenLogic:
        return self.operator.build(
            Saved({name: list(parts) for name, parts in self.tables.items()}, dict(self.facts))
        )

    def save(self, logic: HiddenLogic, choose: Any = lambda parts: slice(None)) -> None:
        """Save, and merge a stretch of the chunks that `choose` says."""
        delta = logic.snapshot()
        self.facts = delta.facts
        for name, rows in delta.tables.items():
            self.tables[name].append(rows)
        for name, parts in self.tables.items():
            part = slice(None) if delta.purge else choose(parts)
            if parts[part]:
                merged = logic.prune(name, self.operator.merge(name, parts[part], delta.facts))
                parts[part] = [merged] if merged.num_rows else []

    def ids(self) -> set[int]:
        """Whoever is named in what is saved, save as erased."""
        columns = ((PAIRS, "key"), (PAIRS, "other"), (WRITES, "key"))
        return {
            one for name, key in columns for rows in self.tables[name] for one in rows.column(key).to_pylist()
        }


def erasure(*pairs: tuple[int, int]) -> Erasure:
    return Erasure(np.array([user for user, _ in pairs]), np.array([until for _, until in pairs]))


def numbered(rows: list[dict[str, Any]], first: int, messages: int = 1) -> Frame:
    """A frame of messages of so many rows each, the first with the offset `first`."""
    return replace(frame(rows), offsets=first + np.arange(len(rows)) // messages)


@pytest.fixture
def few() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "NEWEST", 3)
        yield


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("operator", [HIDDEN, MUTED], ids=lambda operator: operator.kind)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_equal_to_the_recomputation(operator: Hidden, data: st.DataObject) -> None:
    """Frames, erasures, drains, snapshots that merge some chunks, crashes and stores that forget, in any order."""
    acts = st.builds(
        event,
        type=st.sampled_from(["hide", "report", "unhide", "mute", "unmute", "click"]),
        user_id=st.integers(0, 3),
        post_id=st.integers(0, 6),
        author_id=st.integers(0, 6),
        at_ms=st.integers(-5, 5) | st.integers(-HOUR, HOUR),
    )
    redis: Sets = {}
    disk = Disk(operator)
    logic = disk.build()
    events: list[dict[str, Any]] = []
    erased: dict[int, int] = {}
    clock = START
    saved = (0, dict(erased))
    forgot = False

    def read(rows: list[dict[str, Any]], first: int) -> None:
        while rows:
            size = data.draw(st.integers(1, len(rows)))
            logic.on_rows(numbered(rows[:size], first))
            rows, first = rows[size:], first + size
        logic.on_time(clock, clock - 3 * HOUR)

    for _ in range(data.draw(st.integers(1, 15))):
        step = data.draw(
            st.sampled_from(["rows", "rows", "rows", "erase", "urgent", "drain", "save", "crash", "forget"])
        )
        if step == "rows":
            clock += data.draw(st.sampled_from([0, 0, HOUR, 15 * DAY]))
            rows = [{**row, "at_ms": clock + row["at_ms"]} for row in data.draw(st.lists(acts, max_size=8))]
            events += rows
            clock = max([clock, *(row["at_ms"] for row in rows)])
            read(rows, len(events) - len(rows))
        elif step == "erase":
            user = data.draw(st.integers(0, 5))
            until_ms = clock - data.draw(st.sampled_from([-5, 0, HOUR]))
            erased[user] = max(erased.get(user, 0), until_ms)
            write(redis, operator.kind, logic.erase(erasure((user, until_ms))))
        elif step in ("urgent", "drain"):
            write(redis, operator.kind, logic.drain(urgent_only=step == "urgent"))
        elif step == "save":
            disk.save(
                logic, lambda parts: slice(*sorted(data.draw(st.integers(0, len(parts))) for _ in "ab"))
            )
            saved = (len(events), dict(erased))
            forgot = False
        elif step == "crash":
            logic = disk.build()
            if forgot:  # whoever saved last didn't know
                logic.rewrite()
            later = [pair for pair in erased.items() if saved[1].get(pair[0]) != pair[1]]
            if later:
                write(redis, operator.kind, logic.erase(erasure(*later)))
            read(events[saved[0] :], saved[0])
        else:
            redis.clear()
            logic.rewrite()
            forgot = True
    write(redis, operator.kind, logic.drain(urgent_only=False))
    assert redis == sets(operator.kind, events, erased, most=3)


def test_the_order_in_a_message_counts() -> None:
    """Events of one time: the last in the log decides, whatever the offset that they share."""
    logic = HIDDEN.build(Saved())
    redis: Sets = {}
    acts = ["unhide", "unhide", "hide", "report", "unhide"]
    rows = [event(type=act, post_id=index // 3, at_ms=START) for index, act in enumerate(acts)]
    logic.on_rows(numbered(rows, 8, messages=5))
    logic.on_rows(numbered([event(type="unhide", post_id=0, at_ms=START)], 7))
    write(redis, "hidden", logic.drain(urgent_only=True))
    assert redis == {1: {0}}


def test_what_was_taken_back_stays_so_whatever_is_merged() -> None:
    """The chunk that says so is merged alone, the pair has left memory: the older chunk doesn't bring it back."""
    logic, disk = HIDDEN.build(Saved()), Disk(HIDDEN)
    redis: Sets = {}
    for number, act in enumerate(("hide", "unhide")):
        logic.on_rows(numbered([event(type=act, at_ms=START + number)], number))
        logic.on_time(START + HOUR, START + DAY)
        logic.drain(urgent_only=True)
        disk.save(logic, lambda parts: slice(0))
    disk.save(logic, lambda parts: slice(1, None))
    logic = disk.build()
    logic.rewrite()
    write(redis, "hidden", logic.drain(urgent_only=True))
    assert redis == {}


def test_what_was_written_before_a_crash_is_taken_back_after_it() -> None:
    """The frames were cut between the two acts at first, and are not when they are read again."""
    rows = [event(type=act, at_ms=START + number) for number, act in enumerate(("hide", "unhide"))]
    redis: Sets = {}
    logic = HIDDEN.build(Saved())
    logic.on_rows(frame(rows[:1]))
    write(redis, "hidden", logic.drain(urgent_only=True))
    logic = HIDDEN.build(Saved())
    logic.on_rows(frame(rows))
    write(redis, "hidden", logic.drain(urgent_only=True))
    assert redis == {}


def test_a_thousand_and_one_that_comes_back() -> None:
    """Only the newest are written; when one is taken back, the next older one is there again."""
    logic: HiddenLogic = MUTED.build(Saved())
    redis: Sets = {}
    rows = [event(type="mute", author_id=author, at_ms=START + author // 2) for author in range(NEWEST + 2)]
    logic.on_rows(frame(rows))
    write(redis, "muted", logic.drain(urgent_only=True))
    assert redis[1] == set(range(2, NEWEST + 2))
    logic.on_rows(numbered([event(type="unmute", author_id=500, at_ms=START + 600)], NEWEST + 2))
    write(redis, "muted", logic.drain(urgent_only=True))
    assert redis[1] == {0, *range(2, NEWEST + 2)} - {500}


def test_the_set_of_an_active_user_is_written_again_in_time() -> None:
    """Not of one who is away, not too early, and after a resume as well."""
    disk = Disk(HIDDEN)
    logic = disk.build()
    redis: Sets = {}
    logic.on_rows(frame([event(type="hide", user_id=user, at_ms=START) for user in (1, 2)]))
    logic.on_time(START, START)
    assert write(redis, "hidden", logic.drain(urgent_only=True)) == [1, 2]
    disk.save(logic)
    for later, written in ((AGAIN_MS, []), (AGAIN_MS + 1, [1]), (2 * AGAIN_MS, [])):
        logic = disk.build()
        logic.on_time(START + later, START)
        logic.on_rows(frame([event(type="click", user_id=1, at_ms=START + later)]))
        assert write(redis, "hidden", logic.drain(urgent_only=True)) == written
        disk.save(logic)


def test_nothing_is_left_of_an_erased_user() -> None:
    """Neither of what they did, nor of them as an author who was muted."""
    disk = Disk(MUTED)
    logic = disk.build()
    redis: Sets = {}
    rows = [
        event(type="mute", user_id=user, author_id=author, at_ms=START)
        for user, author in ((1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (4, 9))
    ]
    logic.on_rows(frame(rows))
    write(redis, "muted", logic.drain(urgent_only=True))
    disk.save(logic)
    assert write(redis, "muted", logic.erase(erasure((1, START)))) == [1]
    assert write(redis, "muted", logic.drain(urgent_only=True)) == [2, 3]
    assert redis == {3: {2}, 4: {9}}
    disk.save(logic)
    assert disk.ids() == {2, 3, 4, 9}
    logic = disk.build()
    again = [event(type="mute", user_id=1, author_id=2, at_ms=START + wait) for wait in (0, 1)]
    logic.on_rows(numbered(again[:1], 9))
    assert write(redis, "muted", logic.drain(urgent_only=True)) == []
    logic.on_rows(numbered(again, 9))
    write(redis, "muted", logic.drain(urgent_only=True))
    assert redis == {1: {2}, 3: {2}, 4: {9}}


def test_another_shard_forgets_the_author_alone() -> None:
    """The set of the erased user is written where what they do is read: later acts may have come there meanwhile."""
    elsewhere = Erasure(np.array([1]), np.array([START]), here=False)
    rows = [event(type="mute", user_id=2, author_id=author, post_id=author, at_ms=START) for author in (1, 5)]
    logic = MUTED.build(Saved())
    redis: Sets = {}
    logic.on_rows(frame(rows))
    assert write(redis, "muted", logic.erase(elsewhere)) == []
    assert write(redis, "muted", logic.drain(urgent_only=True)) == [2]
    assert redis == {2: {5}}
    assert HIDDEN.build(Saved()).erase(elsewhere) == []


def test_what_was_taken_back_long_ago_leaves_memory() -> None:
    logic, disk = HIDDEN.build(Saved()), Disk(HIDDEN)
    rows = [event(type=act, post_id=post, at_ms=START) for post in range(20) for act in ("hide", "unhide")]
    logic.on_rows(frame(rows))
    logic.drain(urgent_only=True)
    logic.on_time(START + HOUR, START)
    disk.save(logic)
    assert logic._pairs.index.size == 20
    logic.on_time(START + HOUR, START + 1)
    disk.save(logic)
    assert logic._pairs.index.size == 0
    assert disk.build().drain(urgent_only=True) == []
