"""What users' hashes hold, in plain Python over a list of events: slow and obvious; and a store that holds them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from schemas.effects import AffinitySet, Erase
from schemas.registry import PAIRS, Registry
from tests.operators.naive_windows import Event, counter, vector

DAY = 86_400_000
OTHERS = {"user_author": "author_id", "user_type": "content_type"}

Hash = dict[int | str, tuple[int, bytes]]
Hashes = dict[tuple[str, int], Hash]


def counts(entity: str, event: Event, erased: Mapping[int, int]) -> bool:
    """Whether an event counts, given until when users were erased."""
    if entity == "user_type":
        name = event["content_type"]
        return name is not None and len(name.encode()) <= 64 and after(event["user_id"], event, erased)
    return after(event["user_id"], event, erased) and after(event["author_id"], event, erased)


def after(user: int, event: Event, erased: Mapping[int, int]) -> bool:
    return bool(event["at_ms"] > erased.get(user, -(1 << 62)))


def hashes(
    events: Sequence[Event],
    erased: Mapping[int, int],
    clock: int,
    registry: Registry,
    ttl_ms: int,
    most: int = 128,
    curve: Sequence[int] = (1000,),
) -> Hashes:
    """Every hash: for each field its as-of time and the bytes of its float32 values."""
    found: Hashes = {}
    for entity in PAIRS:
        by_user: dict[int, dict[Any, list[Event]]] = defaultdict(lambda: defaultdict(list))
        for event in events:
            if counts(entity, event, erased):
                by_user[event["user_id"]][event[OTHERS[entity]]].append(event)
        for user, mine in by_user.items():
            best = sorted(mine, key=partial(rank, mine, clock))
            kept = [other for other in best if last(mine[other]) >= (clock - ttl_ms) // DAY * DAY][:most]
            if kept:
                found[entity, user] = {
                    other: packed(vector(entity, mine[other], clock, registry, curve)) for other in kept
                }
    return found


def last(events: Sequence[Event]) -> int:
    return int(max(event["at_ms"] for event in events))


def rank(pairs: Mapping[Any, Sequence[Event]], clock: int, other: Any) -> tuple[float, int, Any]:
    """Most engagements in 30 days first, then the latest, then the lowest."""
    month = [event for event in pairs[other] if event["at_ms"] >= (clock - 30 * DAY) // DAY * DAY]
    return -counter("engagements", month, ()), -last(pairs[other]), other


def packed(vector: tuple[int, list[float]]) -> tuple[int, bytes]:
    return vector[0], np.array(vector[1], np.float64).astype(np.float32).tobytes()


def apply(store: Hashes, effects: Sequence[Any]) -> None:
    """Do to a store of hashes what effects say."""
    for effect in effects:
        if isinstance(effect, Erase):
            for user in effect.ids.tolist():
                store.pop((effect.entity, user), None)
        elif isinstance(effect, AffinitySet):
            users = effect.user_ids.tolist()
            for user in {*users, *effect.whole.tolist()}:
                rows = [row for row, one in enumerate(users) if one == user]
                _apply(store, effect, user, rows)


def _apply(store: Hashes, effect: AffinitySet, user: int, rows: list[int]) -> None:
    fields = effect.fields.to_pylist()
    whole = user in effect.whole.tolist()
    before = store.pop((effect.entity, user), {})
    there = {field: value for field, value in before.items() if not whole}
    for row in rows:
        if effect.gone[row]:
            there.pop(fields[row], None)
    writes = [row for row in rows if not effect.gone[row]]
    if (before if whole else there) or not all(effect.expiry[row] for row in writes):
        for row in writes:
            there[fields[row]] = (int(effect.as_of_ms[row]), effect.values[row].tobytes())
    if there:
        store[effect.entity, user] = there
