"""The seen filter equals a recomputation bit by bit, whatever is erased, lost or resumed meanwhile."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import seen_past
from operators.base import Saved
from operators.bloom import contains
from operators.seen import DUE, ERASED, VIEWS, Seen, SeenLogic
from schemas.constants import SEEN_DAYS
from schemas.effects import SeenErase, SeenSet
from schemas.frame import Erasure
from tests.operators.events import event, frame
from tests.operators.naive_seen import DAY_MS, Bits, bits_in, bits_of, seen

START = 20_000 * DAY_MS
HOUR = 3_600_000
OPERATOR = Seen()


class Redis:
    """What a store holds after effects."""

    def __init__(self) -> None:
        self.bits: Bits = {}

    def write(self, effects: Sequence[Any]) -> None:
        for effect in effects:
            if isinstance(effect, SeenSet):
                users = effect.user_ids.tolist()
                assert len(set(users)) == len(users)
                for user, bits in zip(users, effect.bits, strict=True):
                    assert bits.any()
                    self.bits[user, effect.day] = bits_in(bits.tobytes())
            else:
                assert isinstance(effect, SeenErase)
                columns = (effect.user_ids.tolist(), effect.first_days.tolist(), effect.last_days.tolist())
                for user, first, last in zip(*columns, strict=True):
                    for pair in [pair for pair in self.bits if pair[0] == user and first <= pair[1] <= last]:
                        del self.bits[pair]


class Disk:
    """Chunks of tables, and the facts of the last snapshot."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Any]] = defaultdict(list)
        self.facts: dict[str, int] = {}

    def build(self) -> SeenLogic:
        kept = {name: list(parts) for name, parts in self.tables.items()}
        return OPERATOR.build(Saved(kept, dict(self.facts), lambda name: list(self.tables[name])))

    def save(self, logic: SeenLogic, most: int = 2) -> None:
        delta = logic.snapshot()
        self.facts = delta.facts
        for name, rows in delta.tables.items():
            self.tables[name].append(rows)
        for name, parts in self.tables.items():
            if parts and (delta.purge or len(parts) > most):
                merged = logic.prune(name, OPERATOR.merge(name, parts, delta.facts))
                self.tables[name] = [merged] if merged.num_rows else []

    def users(self) -> set[int]:
        """Whoever is named in what is saved, save as erased."""
        return {
            user
            for name in (VIEWS, DUE)
            for rows in self.tables[name]
            for user in rows.column("user_id").to_pylist()
        }


def erasure(*pairs: tuple[int, int]) -> Erasure:
    return Erasure(np.array([user for user, _ in pairs]), np.array([until for _, until in pairs]))


def asked(bits: Bits, clock: int) -> Bits:
    """What a reader may ask for."""
    return {pair: found for pair, found in bits.items() if pair[1] >= clock // DAY_MS - SEEN_DAYS}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_equal_to_the_recomputation(data: st.DataObject) -> None:
    """Frames, erasures, drains, snapshots, crashes and stores that forget, in any order."""
    impressions = st.builds(
        event,
        type=st.sampled_from(["impression", "impression", "click", "hide"]),
        user_id=st.integers(0, 2),
        post_id=st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1),
        at_ms=st.integers(-HOUR, HOUR),
    )
    redis, disk = Redis(), Disk()
    logic = disk.build()
    events: list[dict[str, Any]] = []
    erased: dict[int, int] = {}
    clock = START
    saved = (0, clock, dict(erased))
    forgot = False
    for _ in range(data.draw(st.integers(1, 15))):
        step = data.draw(
            st.sampled_from(["rows", "rows", "rows", "erase", "urgent", "drain", "save", "crash", "forget"])
        )
        if step == "rows":
            clock += data.draw(st.sampled_from([0, 0, HOUR, DAY_MS, 2 * DAY_MS]))
            rows = data.draw(st.lists(impressions, max_size=6))
            rows = [{**row, "at_ms": clock + row["at_ms"]} for row in rows]
            events += rows
            clock = max([clock, *(row["at_ms"] for row in rows)])
            logic.on_rows(frame(rows))
            logic.on_time(clock, clock - 3 * HOUR)
        elif step == "erase":
            ago = data.draw(st.sampled_from([0, 1, HOUR, DAY_MS, 3 * DAY_MS]))
            user = data.draw(st.integers(0, 2))
            erased[user] = max(erased.get(user, 0), clock - ago)
            redis.write(logic.erase(erasure((user, clock - ago))))
        elif step in ("urgent", "drain"):
            redis.write(logic.drain(urgent_only=step == "urgent"))
        elif step == "save":
            disk.save(logic)
            saved = (len(events), clock, dict(erased))
            forgot = False
        elif step == "crash":
            replay, events = events[saved[0] :], events[: saved[0]]
            later = {user: until for user, until in erased.items() if saved[2].get(user) != until}
            logic = disk.build()
            if forgot:  # whoever saved last didn't know
                logic.rewrite()
            if later:
                redis.write(logic.erase(erasure(*later.items())))
            for row in replay:
                logic.on_rows(frame([row]))
            events += replay
            logic.on_time(clock, clock - 3 * HOUR)
        else:
            redis = Redis()
            logic.rewrite()
            forgot = True
    redis.write(logic.drain(urgent_only=False))
    assert asked(redis.bits, clock) == asked(seen(events, erased), clock)


def test_impressions_only_and_by_the_day_of_the_event() -> None:
    logic, redis = OPERATOR.build(Saved()), Redis()
    rows = [
        event(user_id=7, post_id=1, at_ms=-1),
        event(user_id=7, post_id=2, at_ms=0),
        event(user_id=7, post_id=3, at_ms=0, type="click"),
    ]
    logic.on_rows(frame(rows))
    redis.write(logic.drain(urgent_only=True))
    assert redis.bits == {(7, -1): set(bits_of(1)), (7, 0): set(bits_of(2))}
    logic.on_rows(frame(rows))
    assert logic.drain(urgent_only=False) == []


def test_days_that_are_over_leave_memory_and_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that forgot gets all days that are asked for; urgent drains hand out a few users each."""
    monkeypatch.setattr(seen_past, "AT_ONCE", 2)
    disk, redis = Disk(), Redis()
    logic = disk.build()
    events = [
        event(user_id=user, post_id=10 * day + user, at_ms=START + day * DAY_MS)
        for day in range(12)
        for user in range(5)
    ]
    for start in range(0, len(events), 5):
        rows = events[start : start + 5]
        logic.on_rows(frame(rows))
        logic.on_time(rows[-1]["at_ms"], rows[-1]["at_ms"] - HOUR)
        logic.drain(urgent_only=True)
        disk.save(logic)
    assert len(list(logic._days)) <= 2
    logic.rewrite()
    drains = 0
    while effects := logic.drain(urgent_only=True):
        redis.write(effects)
        drains += 1
        if drains == 4:
            disk.save(logic)
            logic = disk.build()
    assert drains > SEEN_DAYS
    clock = events[-1]["at_ms"]
    assert redis.bits == asked(seen(events), clock)
    assert len({day for _, day in redis.bits}) == SEEN_DAYS + 1
    disk.save(logic, most=0)
    assert (
        min(rows.column("day").to_numpy().min() for rows in disk.tables[VIEWS]) == clock // DAY_MS - SEEN_DAYS
    )


def test_nothing_is_left_of_an_erased_user() -> None:
    disk, redis = Disk(), Redis()
    logic = disk.build()
    days = [
        event(user_id=user, post_id=day, at_ms=START + day * DAY_MS) for day in range(3) for user in (1, 2)
    ]
    for row in days:
        logic.on_rows(frame([row]))
        logic.on_time(row["at_ms"], row["at_ms"])
        redis.write(logic.drain(urgent_only=True))
        disk.save(logic)
    redis.write(logic.erase(erasure((1, START + 3 * DAY_MS))))
    logic.on_rows(frame([event(user_id=1, post_id=9, at_ms=START + 3 * DAY_MS)]))
    redis.write(logic.drain(urgent_only=False))
    disk.save(logic)
    assert {user for user, _ in redis.bits} == {2}
    assert disk.users() == {2}
    assert disk.tables[ERASED][0].column("key").to_pylist() == [1]
    later = event(user_id=1, post_id=9, at_ms=START + 3 * DAY_MS + 1)
    logic = disk.build()
    logic.on_rows(frame([later]))
    redis.write(logic.drain(urgent_only=True))
    assert redis.bits[1, 20_003] == set(bits_of(9))


def test_another_shard_has_nothing_to_forget() -> None:
    elsewhere = Erasure(np.array([1]), np.array([START]), here=False)
    assert OPERATOR.build(Saved()).erase(elsewhere) == []


def test_a_chunk_costs_little_for_a_post_seen_again() -> None:
    logic = OPERATOR.build(Saved())
    rows = [event(post_id=3, at_ms=START + second) for second in range(100)]
    logic.on_rows(frame(rows))
    delta = logic.snapshot()
    merged = OPERATOR.merge(VIEWS, [delta.tables[VIEWS]], delta.facts)
    assert merged.num_rows == 1
    assert merged.column("ms").to_pylist() == [99]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50))
def test_what_was_added_is_contained(posts: list[int]) -> None:
    logic = OPERATOR.build(Saved())
    logic.on_rows(frame([event(post_id=post) for post in posts]))
    (effect,) = logic.drain(urgent_only=True)
    assert contains(effect.bits, np.array(posts, np.int64)).all()
    wanted = set().union(*(bits_of(post) for post in posts))
    others = np.arange(500)
    hits = [wanted.issuperset(bits_of(post)) for post in others.tolist()]
    assert contains(effect.bits, others).tolist() == hits
