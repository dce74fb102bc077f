"""Users' hashes against a naive recomputation, over any splits, interleavings, erasures and resume points."""

from collections import defaultdict
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
        at_ms=st.one_of(st.integers(0, 3 * DAY), st.integers(0, 120 * DAY)).map(lambda offset: START + offset),
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
