"""What goes out first, in which order it may be sent, and who waits."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.effects import Effect, VectorSet
from schemas.errors import HeadraceError
from sinks.pending import TRAILING_ROWS, TRAILING_SHARE, Pending
from tests.sinks.test_coalesce import ENTITY, ERASES, FEATURE_SETS, SMALL, TRENDING, Store, apply, vector_sets

ROOM = 1 << 30


def vectors(ids: range, expiry: bool) -> VectorSet:
    numbers = np.arange(ids.start, ids.stop)
    return VectorSet("post", numbers, numbers, np.zeros((len(ids), 1), np.float32), np.full(len(ids), expiry))


def taken(pending: Pending) -> list[Effect]:
    """What is to be sent next; it counts as acknowledged."""
    effects = pending.take()
    assert effects is not None
    pending.acknowledged()
    return effects


def rows(effects: list[Effect], expiry: bool) -> int:
    return sum(int((one.expiry == expiry).sum()) for one in effects if isinstance(one, VectorSet))


def test_what_happens_goes_before_what_only_time_did_however_much_of_that_waits() -> None:
    """200,000 vectors wait because a day is over; each event that comes then is in the very next batch."""
    pending = Pending(ROOM)
    pending.add([vectors(range(200_000), expiry=True)])
    batches = 0
    while pending.bytes:
        pending.add([vectors(range(300_000, 300_010), expiry=False)])
        batch = taken(pending)
        assert rows(batch, expiry=False) == 10
        assert rows(batch, expiry=True) <= TRAILING_ROWS
        batches += 1
    assert batches == -(-200_000 // TRAILING_ROWS)


def test_what_only_time_did_has_its_share_however_much_happens() -> None:
    pending = Pending(ROOM)
    pending.add([vectors(range(100_000), expiry=True)])
    pending.add([vectors(range(200_000, 240_000), expiry=False)])
    assert rows(taken(pending), expiry=True) == 40_000 // TRAILING_SHARE


@given(
    data=st.data(),
    effects=st.lists(vector_sets() | ERASES | TRENDING | FEATURE_SETS, max_size=12),
    before=st.dictionaries(st.tuples(ENTITY, SMALL), st.just("before"), max_size=5),
)
def test_in_whatever_portions_it_goes_the_same_is_left_behind(
    data: st.DataObject, effects: list[Effect], before: dict[tuple[str, int], str]
) -> None:
    """An expiry of a key that was put behind must not undo what happened to the key later."""
    pending = Pending(ROOM, trailing_rows=1)
    sent: list[Effect] = []
    for effect in effects:
        pending.add([effect])
        if data.draw(st.booleans()):
            sent += taken(pending)
    while pending.bytes:
        sent += taken(pending)
    store: Store = dict(before.items())
    assert apply(sent, store) == apply(effects, store)


def test_it_tells_who_waits_for_what() -> None:
    pending = Pending(1_000)
    assert (pending.oldest_seconds, pending.blocked_seconds, pending.bytes) == (0.0, 0.0, 0)
    pending.add([vectors(range(100), expiry=False)])
    assert pending.oldest_seconds > 0
    writer = threading.Thread(target=lambda: pending.add([vectors(range(100), expiry=False)]))
    writer.start()
    while pending.blocked_seconds == 0.0:
        threading.Event().wait(0.001)
    assert pending.take() is not None
    assert pending.oldest_seconds > 0
    pending.acknowledged()
    writer.join()
    assert pending.blocked_seconds > 0
    assert pending.blocks is False
    taken(pending)
    assert pending.oldest_seconds == 0.0


def test_vectors_that_trail_are_not_what_the_oldest_is() -> None:
    pending = Pending(ROOM)
    pending.add([vectors(range(2 * TRAILING_ROWS), expiry=True)])
    taken(pending)
    assert pending.bytes
    assert pending.oldest_seconds == 0.0


def test_nobody_waits_for_what_has_stopped() -> None:
    pending = Pending(1_000)
    pending.add([vectors(range(1_000), expiry=False)])
    pending.stop(HeadraceError("Redis is full"))
    assert pending.take() is None
    with pytest.raises(HeadraceError, match="Redis is full"):
        pending.wait_until_empty()
    with pytest.raises(HeadraceError, match="Redis is full"):
        pending.add([vectors(range(1), expiry=False)])
