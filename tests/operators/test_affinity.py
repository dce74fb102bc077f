"""Users' hashes against a naive recomputation, over any splits, interleavings, erasures and resume points."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.affinity import Affinity, AffinityLogic
from operators.base import Saved
from schemas.frame import Erasure
from schemas.registry import Registry
from tests.operators.events import event, feed, frame
from tests.operators.naive_affinity import DAY, Hashes, apply, hashes

REGISTRY = Registry.load()
START = 1_700_000_000_000
TTL_MS = 40 * DAY
OPERATOR = Affinity(REGISTRY, (1000,), TTL_MS, most=3)
HOUR = 3_600_000

events = st.lists(
    st.builds(
        event,
        type=st.sampled_from(["impression", "click", "click", "like", "hide", "dwell", "unlike"]),
        user_id=st.sampled_from([-1, 2**62]),
        author_id=st.integers(-1, 6),
        content_type=st.sampled_from([None, "", "video", "text", "photo", "t" * 64, "t" * 65, "ä" * 33]),
        dwell_ms=st.one_of(st.none(), st.integers(-5, 2_000_000)),
        at_ms=st.one_of(st.integers(0, 3 * DAY), st.integers(0, 120 * DAY)).map(
            lambda offset: START + offset
        ),
    ),
    min_size=1,
    max_size=30,
)
users = st.sampled_from([-1, 0, 3, 2**62])


@settings(max_examples=150, deadline=None)
@given(rows=events, data=st.data())
def test_equals_naive_recomputation(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """In any order, cut, drained, resumed anywhere, with time that passes and users that are erased in between."""
    store: Hashes = {}
    logic = OPERATOR.build(Saved())
    tables: dict[str, list[Any]] = defaultdict(list)
    erased: dict[int, int] = {}
    clock = -(1 << 61)
    queue, parts = data.draw(st.permutations(rows)), []
    while queue:
        size = data.draw(st.integers(1, len(queue)))
        part, queue = queue[:size], queue[size:]
        watermark = max(row["at_ms"] for row in part) - data.draw(st.sampled_from([0, 0, 1, 59_999]))
        clock = max(clock, watermark)
        apply(store, feed(logic, frame(part, watermark=watermark), 400 * DAY))
        parts += part
        if data.draw(st.booleans()):
            clock += data.draw(st.sampled_from([0, HOUR, 2 * DAY, 12 * DAY, 50 * DAY]))
            apply(store, logic.on_time(clock, clock - 400 * DAY))
        if data.draw(st.integers(0, 3)) == 0:
            until = (clock + data.draw(st.integers(-60, 1)) * DAY) // DAY * DAY + DAY - 1
            user = data.draw(users)
            apply(store, logic.erase(Erasure(np.array([user]), np.array([until]))))
            erased[user] = max(until, erased.get(user, until))
        if data.draw(st.booleans()):
            apply(store, logic.drain(urgent_only=data.draw(st.booleans())))
        if data.draw(st.booleans()):
            delta = logic.snapshot()
            for name, table in delta.tables.items():
                tables[name].append(table)
                if len(tables[name]) > 1 and data.draw(st.booleans()):
                    tables[name] = [logic.prune(name, OPERATOR.merge(name, tables[name], delta.facts))]
            if data.draw(st.booleans()):
                logic = OPERATOR.build(Saved(tables, delta.facts))
    apply(store, logic.drain(urgent_only=False))
    assert store == hashes(parts, erased, clock, REGISTRY, TTL_MS, most=3)


def clicks(user: int, author: int, count: int, at_ms: int = START) -> list[dict[str, Any]]:
    """As many clicks, a millisecond apart."""
    rows = [{"user_id": user, "author_id": author, "at_ms": at_ms + number} for number in range(count)]
    return [event(type="click", **row) for row in rows]


def started() -> tuple[AffinityLogic, Hashes]:
    """A logic that knows nothing, and nothing in the store."""
    return OPERATOR.build(Saved()), {}


def drained(
    logic: AffinityLogic, store: Hashes, rows: Sequence[dict[str, Any]] = (), clock: int = 0
) -> Hashes:
    """The store after some rows, the time, and a drain."""
    if rows:
        apply(store, feed(logic, frame(rows), 400 * DAY))
    if clock:
        apply(store, logic.on_time(clock, clock - 400 * DAY))
    apply(store, logic.drain(urgent_only=False))
    return store


def test_an_erased_author_makes_room_for_the_next() -> None:
    logic, store = started()
    rows = [row for author in range(5) for row in clicks(7, author, 9 - author)]
    assert sorted(drained(logic, store, rows)["user_author", 7]) == [0, 1, 2]
    until = np.array([START // DAY * DAY + DAY])
    apply(store, logic.erase(Erasure(np.array([1]), until, here=False)))
    assert sorted(store["user_author", 7]) == [0, 2]
    assert sorted(drained(logic, store)["user_author", 7]) == [0, 2, 3]


def test_who_comes_later_takes_the_place_of_the_last() -> None:
    """Only if more happened, or as much and later."""
    logic, store = started()
    drained(logic, store, [row for author in range(3) for row in clicks(7, author, 9 - author)])
    drained(logic, store, clicks(7, 5, 6, START + HOUR))
    assert sorted(store["user_author", 7]) == [0, 1, 2]
    drained(logic, store, clicks(7, 5, 1, START + 2 * HOUR))
    assert sorted(store["user_author", 7]) == [0, 1, 5]


def test_users_of_other_shards_are_theirs_to_delete() -> None:
    """What they have written since must not go."""
    logic, store = started()
    store["user_author", 1] = {5: (1, b"")}
    apply(store, logic.erase(Erasure(np.array([1]), np.array([START]), here=False)))
    assert store == {("user_author", 1): {5: (1, b"")}}
    apply(store, logic.erase(Erasure(np.array([1]), np.array([START]))))
    assert not store


@pytest.mark.parametrize("merged", [True, False])
def test_who_comes_back_after_an_erasure_begins_anew(merged: bool) -> None:
    """Also from what was saved before and after it, merged or not yet."""
    logic, store = started()
    drained(logic, store, clicks(7, 1, 3) + clicks(7, 2, 3) + clicks(8, 7, 3))
    before = logic.snapshot()
    until = START // DAY * DAY + DAY - 1
    apply(store, logic.erase(Erasure(np.array([7]), np.array([until]))))
    later = clicks(7, 1, 2, START + DAY)
    drained(logic, store, later)
    after = logic.snapshot()
    assert after.purge
    tables = {
        name: [part.tables[name] for part in (before, after) if name in part.tables]
        for name in OPERATOR.tables()
    }
    if merged:
        for name, parts in tables.items():
            tables[name] = [logic.prune(name, OPERATOR.merge(name, parts, after.facts))] if parts else []
        assert pa.concat_tables(tables["keys_user_author"]).column("other").to_pylist() == [1]
        assert set(pa.concat_tables(tables["tiles_user_author"]).column("other").to_pylist()) == {1}
    again = OPERATOR.build(Saved(tables, after.facts))
    again.rewrite()
    wanted = hashes(later, {}, later[-1]["at_ms"], REGISTRY, TTL_MS)
    assert drained(again, {}) == drained(logic, store) == wanted


def test_days_that_leave_the_window_let_others_in() -> None:
    logic, store = started()
    rows = [row for author in range(4) for row in clicks(7, author, 9 - author, START + author * DAY)]
    assert sorted(drained(logic, store, rows)["user_author", 7]) == [0, 1, 2]
    clock = START + 32 * DAY
    assert drained(logic, store, clock=clock) == hashes(rows, {}, clock, REGISTRY, TTL_MS, most=3)
    assert sorted(store["user_author", 7]) == [1, 2, 3]


def test_what_is_over_takes_no_memory_and_is_in_no_hash() -> None:
    logic, store = started()
    crowd = [row for user in range(3000) for row in clicks(user, user, 1)]
    drained(logic, store, crowd)
    first = logic.snapshot()
    table = logic.tables["user_author"]
    apply(store, logic.on_time(START + 39 * DAY, START + 39 * DAY))
    logic.drain(urgent_only=False)
    logic.snapshot()
    assert table.index.size == 3000
    rows = clicks(5, 6, 1, START + 60 * DAY)
    apply(store, feed(logic, frame(rows), 0))
    apply(store, logic.drain(urgent_only=False))
    second = logic.snapshot()
    assert store == hashes(rows, {}, rows[0]["at_ms"], REGISTRY, TTL_MS)
    assert (table.index.size, table.index.left.size) == (1, 1)
    merged = {
        name: logic.prune(name, OPERATOR.merge(name, [first.tables[name], second.tables[name]], second.facts))
        for name in ("tiles_user_author", "keys_user_author")
    }
    assert [rows.num_rows for rows in merged.values()] == [1, 1]


def test_a_process_that_starts_replaces_what_it_does_not_know() -> None:
    """Fields that a process had written after its last snapshot go as soon as the user is written again."""
    rows = [row for author in range(4) for row in clicks(7, author, 9 - author)]
    logic, store = started()
    drained(logic, store, rows)
    delta = logic.snapshot()
    drained(logic, store, clicks(7, 99, 20, START + 1000))
    assert 99 in store["user_author", 7]
    again = OPERATOR.build(Saved({name: [table] for name, table in delta.tables.items()}, delta.facts))
    other = clicks(7, 3, 5, START + 2000)
    assert drained(again, store, other) == hashes(
        rows + other, {}, other[-1]["at_ms"], REGISTRY, TTL_MS, most=3
    )


def test_a_store_that_forgot_gets_every_hash_whole() -> None:
    rows = clicks(7, 1, 2) + clicks(7, 2, 2, START + 10 * DAY) + clicks(8, 1, 2, START - 45 * DAY)
    logic, store = started()
    drained(logic, {}, rows)
    logic.rewrite()
    assert drained(logic, store) == hashes(rows, {}, START + 10 * DAY + 1, REGISTRY, TTL_MS)
    logic.rewrite()
    store["user_author", 7][55] = (0, b"of another time")
    assert drained(logic, store) == hashes(rows, {}, START + 10 * DAY + 1, REGISTRY, TTL_MS)


def test_content_types_have_no_author_to_erase() -> None:
    """A user id that is the id of an author elsewhere."""
    logic, store = started()
    rows = [event(type="like", user_id=7, author_id=1, content_type="video", at_ms=START)]
    drained(logic, store, rows)
    apply(store, logic.erase(Erasure(np.array([1]), np.array([START + DAY]))))
    assert list(drained(logic, store)) == [("user_type", 7)]
