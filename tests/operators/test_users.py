"""Users that are erased: what they did until then is nowhere any more, whatever comes later."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from operators.base import Delta, Saved
from operators.users import Users
from schemas.effects import Erase, VectorSet
from schemas.frame import Erasure
from schemas.registry import Registry
from tests.operators.events import event, feed, frame

HOUR, DAY = 3_600_000, 86_400_000
START = 1_700_000_000_000 // DAY * DAY
CURVE = (1000, 390)
OPERATOR = Users(Registry.load(), CURVE, ttl_ms={"user": 40 * DAY})


def erasure(*pairs: tuple[int, int]) -> Erasure:
    return Erasure(np.array([user for user, _ in pairs]), np.array([until for _, until in pairs]))


def vectors(effects: list[Any]) -> dict[int, tuple[int, bytes]]:
    return {
        user: (t, values.tobytes())
        for effect in effects
        if isinstance(effect, VectorSet)
        for user, t, values in zip(effect.ids.tolist(), effect.as_of_ms.tolist(), effect.values, strict=True)
    }


def of_rows(rows: list[dict[str, Any]]) -> dict[int, tuple[int, bytes]]:
    """The vectors that rows alone give."""
    logic = OPERATOR.build(Saved())
    return vectors(feed(logic, frame(rows)) + logic.drain(urgent_only=False))


def users_in(table: pa.Table) -> set[int]:
    return set(table.column("key").to_pylist())


def test_nothing_is_left_of_an_erased_user() -> None:
    """Neither in Redis nor, after the purge, in what is saved; others stay as they are."""
    logic = OPERATOR.build(Saved())
    rows = [event(type="click", user_id=user, at_ms=START + user) for user in (1, 2)]
    feed(logic, frame(rows))
    logic.drain(urgent_only=False)
    first = logic.snapshot()
    (effect,) = logic.erase(erasure((1, START + 5), (1, START + 4), (9, START)))
    assert isinstance(effect, Erase)
    assert (effect.entity, effect.ids.tolist()) == ("user", [1, 9])
    assert vectors(logic.drain(urgent_only=False)) == {}
    second = logic.snapshot()
    assert (first.purge, second.purge, logic.snapshot().purge) == (False, True, False)
    for name in OPERATOR.entity.tables:
        parts = [delta.tables[name] for delta in (first, second) if name in delta.tables]
        merged = OPERATOR.merge(name, parts, second.facts)
        assert users_in(logic.prune(name, merged)) == {2}
    logic.rewrite()
    assert vectors(logic.drain(urgent_only=False)) == of_rows(rows[1:])


def _resumed(*deltas: Delta) -> Any:
    names = {name for delta in deltas for name in delta.tables}
    tables = {name: [delta.tables[name] for delta in deltas if name in delta.tables] for name in names}
    return OPERATOR.build(Saved(tables, deltas[-1].facts))


def test_what_an_erased_user_did_before_never_counts_again() -> None:
    """Not when it is read later, not after a restart from chunks that were not purged; what follows counts."""
    before = [event(type="click", user_id=1, at_ms=START + at) for at in (0, HOUR, DAY)]
    late = event(type="like", user_id=1, at_ms=START + DAY + 1)
    after = event(type="share", user_id=1, at_ms=START + DAY + HOUR)
    logic = OPERATOR.build(Saved())
    feed(logic, frame(before))
    first = logic.snapshot()
    logic.erase(erasure((1, START + DAY + 1)))
    second = logic.snapshot()
    for again in (logic, _resumed(first, second)):
        found = vectors(feed(again, frame([late, after])) + again.drain(urgent_only=False))
        assert found == of_rows([after])


def test_what_an_erased_user_did_later_stays() -> None:
    """The erasure is read after what followed it, with panes that have left their window by then."""
    rows = [event(type="click", user_id=1, position=1, at_ms=START + at * HOUR) for at in (0, 3, 50)]
    rows.append(event(type="dwell", user_id=1, dwell_ms=700, at_ms=START + 50 * HOUR))
    logic = OPERATOR.build(Saved())
    feed(logic, frame(rows))
    logic.drain(urgent_only=False)
    first = logic.snapshot()
    (effect,) = logic.erase(erasure((1, START + 1)))
    assert not len(effect)
    found = vectors(logic.drain(urgent_only=False))
    assert found == of_rows(rows[1:])
    again = _resumed(first, logic.snapshot())
    again.rewrite()
    assert vectors(again.drain(urgent_only=False)) == found


def test_users_of_other_shards_are_theirs_to_forget() -> None:
    """What another shard has written since would be gone."""
    logic = OPERATOR.build(Saved())
    assert logic.erase(replace(erasure((1, START)), here=False)) == []
    assert not logic.snapshot().purge
