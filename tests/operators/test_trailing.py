"""Keys that only a long pane has left wait apart from others, also across snapshots, which they cost nothing."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from operators.base import Delta, Saved, Trailing
from operators.users import Users, UsersLogic
from schemas.effects import VectorSet
from schemas.registry import Registry
from tests.operators.events import event, frame

DAY = 86_400_000
START = 1_700_006_400_000  # midnight
USERS = Users(Registry.load(), (1000, 500), ttl_ms={"user": 90 * DAY})


def written(effects: list[Any]) -> dict[int, bool]:
    """The users whose vectors are written, and whether that is because time passed."""
    found: dict[int, bool] = {}
    for effect in effects:
        assert isinstance(effect, VectorSet)
        assert not found.keys() & set(effect.ids.tolist())
        found |= dict(zip(effect.ids.tolist(), effect.expiry.tolist(), strict=True))
    return found


def resumed(*deltas: Delta) -> UsersLogic:
    """The logic from what was saved, the latest facts last."""
    tables: dict[str, list[pa.Table]] = {}
    for delta in deltas:
        for name, table in delta.tables.items():
            tables.setdefault(name, []).append(table)
    return USERS.build(Saved(tables, deltas[-1].facts))


@pytest.fixture
def logic() -> UsersLogic:
    """Ten users who did something on one day, whose vectors are written; then a week goes by."""
    made = USERS.build(Saved())
    rows = [event(user_id=user, type="impression", at_ms=START + user) for user in range(10)]
    made.on_rows(frame(rows, watermark=START + 10))
    made.on_time(START + 10, START)
    assert set(written(made.drain(urgent_only=False))) == set(range(10))
    made.on_time(START + 3 * DAY, START + 2 * DAY)
    assert set(written(made.drain(urgent_only=False))) == set(range(10))  # the window of a day
    made.on_time(START + 8 * DAY, START + 7 * DAY)
    return made


def test_what_only_a_long_pane_has_left_trails(logic: UsersLogic) -> None:
    assert isinstance(logic, Trailing)
    assert logic.drain_ahead() == []
    assert set(written(logic.drain(urgent_only=False)).values()) == {True}


def test_at_least_so_many_or_a_share(logic: UsersLogic) -> None:
    logic.drain_ahead()
    assert len(written(logic.trail(2, 0.0))) == 2
    assert len(written(logic.trail(0, 0.25))) == 2
    assert len(written(logic.trail(1, 0.5))) == 3
    assert len(written(logic.trail(0, 0.01))) == 1
    assert len(written(logic.trail(7, 0.0))) == 2
    assert logic.trail(7, 1.0) == []


def test_what_happens_does_not_trail(logic: UsersLogic) -> None:
    """An event takes its user out of the row."""
    at_ms = START + 8 * DAY
    logic.on_rows(frame([event(user_id=9, type="click", at_ms=at_ms)], watermark=at_ms))
    assert written(logic.drain_ahead()) == {9: False}
    assert written(logic.trail(100, 1.0)) == dict.fromkeys(range(9), True)


def rows_of(delta: Delta) -> int:
    return delta.tables["keys_user"].num_rows if "keys_user" in delta.tables else 0


def test_those_that_wait_are_saved_once_and_handed_out_after_a_crash(logic: UsersLogic) -> None:
    logic.drain_ahead()
    first = logic.snapshot()
    assert rows_of(first) == 10
    second = logic.snapshot()
    assert rows_of(second) == 0
    again = resumed(first, second)
    assert again.drain_ahead() == []
    assert set(written(again.trail(0, 1.0))) == set(range(10))

    some = set(written(logic.trail(4, 0.0)))
    third = logic.snapshot()
    assert rows_of(third) == 4
    again = resumed(first, second, third)
    assert set(written(again.drain(urgent_only=False))) == set(range(10)) - some


def test_vectors_of_another_registry_are_written_again_bit_by_bit_also_after_a_crash(
    logic: UsersLogic,
) -> None:
    logic.drain(urgent_only=False)
    first = logic.snapshot()
    again = resumed(replace(first, facts={**first.facts, "registry": 1}))
    assert again.drain_ahead() == []
    assert len(written(again.trail(3, 0.0))) == 3
    left = resumed(first, again.snapshot())
    assert len(written(left.drain(urgent_only=False))) == 7
