"""Indexes of pairs against a dict, over lookups, new pairs and compactions in any order."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.pair_index import NamedPairIndex, PairIndex

FAR_APART = st.sampled_from([-(2**63), -1, 0, 1, 2**32, 2**63 - 1])
TEXT = st.sampled_from(["", "a", "video", "täglich", "x" * 70])
KINDS: dict[type[PairIndex], st.SearchStrategy[Any]] = {PairIndex: FAR_APART, NamedPairIndex: TEXT}


def columns(kind: type[PairIndex], pairs: list[Any]) -> tuple[Any, Any]:
    first = np.array([one for one, _ in pairs], np.int64)
    second = [two for _, two in pairs]
    return first, pa.array(second, pa.string()) if kind is NamedPairIndex else np.array(second, np.int64)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_pair_keeps_its_slot_until_it_is_let_go(kind: type[PairIndex], data: st.DataObject) -> None:
    index = kind()
    known: dict[Any, int] = {}
    some = st.lists(st.tuples(FAR_APART, KINDS[kind]), max_size=8)
    for step in data.draw(st.lists(st.sampled_from(["add", "find", "keep"]), max_size=8)):
        if step == "keep" and known:
            kept = data.draw(st.lists(st.sampled_from(sorted(known.values())), unique=True))
            index.keep(np.array(kept, np.int64))
            known = {pair: kept.index(slot) for pair, slot in known.items() if slot in kept}
        pairs = data.draw(some)
        if step == "add":
            slots = index.slots(columns(kind, pairs)).tolist()
            for pair, slot in zip(pairs, slots, strict=True):
                assert known.setdefault(pair, slot) == slot
        assert index.find(columns(kind, pairs)).tolist() == [known.get(pair, -1) for pair in pairs]
        assert index.size == len(known)
        assert sorted(known.values()) == list(range(len(known)))
    slots = np.array(list(known.values()), np.int64)
    saved = pa.table(index.columns(slots))
    assert [tuple(row.values()) for row in saved.to_pylist()] == list(known)
    again = kind()
    assert again.find(again.of(saved)).tolist() == [-1] * len(known)
    again.slots(again.of(saved))
    assert again.size == len(known)
