"""A day is over for 200,000 users at the same instant while others go on: these are written as fresh as ever."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.clock import Clock
from flows.kept import Kept, Paced
from flows.messages import Message
from flows.observe import Observer
from flows.trail import TRAIL_S
from operators.users import Users
from schemas.effects import VectorSet
from schemas.registry import Registry
from state.durable import Durable
from tests.operators.events import event, frame

DAY = 86_400_000
START = 1_700_006_400_000  # midnight
MANY = 200_000
STEP_S = 0.25
URGENT_MS, ALL_MS, PER_SECOND = 250, 1_000, 100
SECOND = MANY / (TRAIL_S - 3) + 2
"""Users handed out in a second when they are spread evenly; never are more handed out at once."""


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    made = Hands()
    monkeypatch.setattr(time, "monotonic", made.monotonic)
    return made


@pytest.fixture
def paced(hands: Hands, tmp_path: Path) -> Iterator[Paced]:
    """200,000 users of one day, whose vectors were written then, and when the window of a day was over."""
    durable = Durable()
    users = Users(Registry.load(), (1000,), {"user": 90 * DAY})
    kept = Kept(users, tmp_path / "users", None, "users", Observer("windows"), durable)
    made = Paced(kept, Clock(["interactions/0"], DAY), URGENT_MS, ALL_MS, PER_SECOND)
    for users_there, at_ms in ((range(MANY), START), (range(MANY, MANY + 1), START + 3 * DAY)):
        made.on_messages([message(users_there, at_ms)])
        made.on_end()
    hands.now += 2 * ALL_MS / 1000
    yield made
    kept.close()
    durable.close()


def message(users: range, at_ms: int) -> Message:
    """An impression of each user, all at once."""
    rows = frame([event(user_id=user, at_ms=at_ms) for user in users])
    return Message(0, [rows], watermarks={"interactions/0": at_ms})


def users_of(effects: list[Any], expiry: bool) -> np.ndarray[Any, np.dtype[np.int64]]:
    vectors = [effect for effect in effects if isinstance(effect, VectorSet)]
    ids = [effect.ids[effect.expiry == expiry] for effect in vectors]
    return np.concatenate([np.empty(0, np.int64), *ids])


def test_what_happens_is_handed_out_at_its_time_and_the_rest_bit_by_bit(paced: Paced, hands: Hands) -> None:
    at_ms, began = START + 8 * DAY, hands.now
    trailed: list[int] = []
    waiting: list[tuple[float, int]] = []
    late_s: list[float] = []
    user = MANY + 1
    while len(trailed) < MANY + 1:
        at_ms += 250
        user += 1
        waiting.append((hands.now, user))
        effects = paced.on_messages([message(range(user, user + 1), at_ms)])
        happened = set(users_of(effects, expiry=False).tolist())
        late_s += [hands.now - since for since, one in waiting if one in happened]
        waiting = [(since, one) for since, one in waiting if one not in happened]
        some = users_of(effects, expiry=True)
        assert len(some) <= SECOND
        trailed += some.tolist()
        assert hands.now - began < TRAIL_S + ALL_MS / 1000
        hands.now += STEP_S
    assert sorted(trailed) == list(range(MANY + 1))
    assert max(late_s) <= ALL_MS / 1000
    assert len(late_s) > 900


def test_at_the_end_everything_is_handed_out(paced: Paced) -> None:
    effects = paced.on_messages([message(range(MANY + 1, MANY + 2), START + 8 * DAY)])
    effects += paced.on_end()
    assert set(users_of(effects, expiry=True).tolist()) >= set(range(MANY))
    assert users_of(effects, expiry=False).tolist() == [MANY + 1]


def test_it_is_woken_until_nothing_trails_any_more(paced: Paced, hands: Hands) -> None:
    """Also when no message comes that would wake it."""
    trailed = len(
        users_of(paced.on_messages([message(range(MANY + 1, MANY + 2), START + 8 * DAY)]), expiry=True)
    )
    while trailed < MANY + 1:
        wait = paced.wake_in()
        assert wait is not None
        hands.now += max(wait, STEP_S)
        trailed += len(users_of(paced.on_time(), expiry=True))
    assert trailed == MANY + 1


def test_a_pause_does_not_pile_up(paced: Paced, hands: Hands) -> None:
    """After a minute in which Redis took nothing, no more goes out at once than is needed to be through in time."""
    paced.on_messages([message(range(MANY + 1, MANY + 2), START + 8 * DAY)])
    hands.now += 60
    effects = paced.on_time()
    assert 0 < len(users_of(effects, expiry=True)) < 1.5 * SECOND
