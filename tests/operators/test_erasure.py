"""Erasures at any time: what is left equals a recomputation without what was erased."""

from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.entity import KEYS
from operators.items import Items
from operators.lifetime import FAR
from operators.partial import ItemPartials
from operators.users import Users
from schemas.effects import Erase
from schemas.frame import Erasure
from schemas.registry import Registry
from tests.operators.events import event, frame
from tests.operators.naive_windows import as_of, value
from tests.operators.test_windows import CURVE, DAY, MINUTE, TTL_MS, Kept, Redis

REGISTRY = Registry.load()
START = 1_700_000_000_000 // DAY * DAY
DAYS = 12

minutes = st.one_of(st.integers(0, 1_800), st.integers(0, DAYS * DAY // MINUTE))

events = st.lists(
    st.builds(
        event,
        type=st.sampled_from(["impression", "click", "like", "hide", "dwell"]),
        user_id=st.integers(1, 3),
        author_id=st.integers(1, 3),
        post_id=st.integers(1, 2),
        dwell_ms=st.one_of(st.none(), st.integers(0, 100_000)),
        at_ms=minutes.map(lambda minute: START + minute * MINUTE),
    ),
    min_size=1,
    max_size=25,
)
erasures = st.dictionaries(
    st.integers(1, 4), minutes.map(lambda minute: START + minute * MINUTE - 1), min_size=1
)
"""When users are erased: at the end of a minute, of which sessions would forget the rest."""


class Forgetful(Redis):
    """Deletes what is erased."""

    def write(self, effects: list[Any]) -> None:
        for effect in effects:
            super().write([effect])
            if isinstance(effect, Erase):
                for key in effect.ids.tolist():
                    self.vectors.pop((effect.entity, key), None)


def left(rows: list[dict[str, Any]], until: dict[int, int], who: str) -> list[dict[str, Any]]:
    """Rows without what users did, or authors had, up to their erasure."""
    return [row for row in rows if row["at_ms"] > until.get(row[who], 0)]


def in_order(rows: list[dict[str, Any]], until: dict[int, int], dice: Random) -> list[Any]:
    """Rows and erasures, shuffled; an erasure is read before what follows it."""
    read = {user: dice.random() for user in until}

    def turn(row: dict[str, Any]) -> float:
        after = [
            read[who] for who in (row["user_id"], row["author_id"]) if row["at_ms"] > until.get(who, FAR)
        ]
        return max([dice.random(), *after])

    steps = [(read[user], 0, (user, t)) for user, t in until.items()] + [(turn(row), 1, row) for row in rows]
    return [step for _, _, step in sorted(steps, key=lambda step: step[:2])]


@settings(max_examples=100, deadline=None)
@given(rows=events, until=erasures, late=st.booleans(), dice=st.randoms(use_true_random=True))
def test_what_was_erased_never_was(
    rows: list[dict[str, Any]], until: dict[int, int], late: bool, dice: Random
) -> None:
    """Saved, merged or not, resumed, and written again at the end.

    An erasure that is read late is at the end of a day, since its pane goes whole.
    """
    redis = Forgetful()
    users, items = Kept(Users(REGISTRY, CURVE, TTL_MS)), Kept(Items(REGISTRY, CURVE, TTL_MS))
    partials = ItemPartials(REGISTRY, CURVE, 1)
    steps = in_order(rows, until, dice)
    if late:
        until = {user: t // DAY * DAY - 1 for user, t in until.items()}
        steps = [*rows, *until.items()]
        dice.shuffle(steps)
    clock = START
    for step in steps:
        if isinstance(step, dict):
            redis.write(users.logic.on_rows(frame([step])))
            redis.write(items.logic.on_rows(partials([frame([step])])[0]))
            clock = max(clock, step["at_ms"])
        for kept in (users, items):
            if isinstance(step, tuple):
                redis.write(kept.logic.erase(Erasure(np.array(step[:1]), np.array(step[1:]))))
            redis.write(kept.logic.on_time(clock, clock - 20 * DAY))
            if dice.random() < 0.3:
                redis.write(kept.logic.drain(urgent_only=dice.random() < 0.5))
            if dice.random() < 0.3:
                kept.save(merge=dice.random() < 0.5, resume=dice.random() < 0.5)
    for kept in (users, items):
        kept.save(merge=False, resume=True)
        kept.logic.rewrite()
        redis.write(kept.logic.drain(urgent_only=False))
    remaining = {
        "user": left(rows, until, "user_id"),
        "author": left(rows, until, "author_id"),
        "post": rows,
    }
    known = set()
    for entity, kept_rows in remaining.items():
        for key in {row[KEYS[entity]] for row in kept_rows}:
            known.add((entity, key))
            mine = [row for row in kept_rows if row[KEYS[entity]] == key]
            t, values = redis.vectors[entity, key]
            # What was erased may have left a window before; nothing has changed since.
            assert (
                as_of(mine, REGISTRY.windows(entity), clock)
                <= t
                <= max(clock, *(row["at_ms"] for row in mine))
            )
            wanted = [
                value(feature.expression, feature.window, mine, t, REGISTRY, CURVE)
                for feature in REGISTRY.entity(entity)
            ]
            exact = np.array(wanted).astype(np.float32)
            assert np.array_equal(np.array(values, np.float32), exact, equal_nan=True)
    assert redis.vectors.keys() == known
