"""Both forms of slots beside a dictionary."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.kernels import Slots
from operators.kernels.compiled_slots import HashedSlots
from operators.kernels.slots import SortedSlots

FORMS = [SortedSlots, HashedSlots]
few = st.integers(-3, 20)
anywhere = st.integers(-(2**63), 2**63 - 1)
batches = st.lists(st.tuples(st.lists(st.one_of(few, anywhere), max_size=60), st.booleans()), max_size=12)


@pytest.mark.parametrize("form", FORMS)
@given(batches)
def test_every_key_has_a_slot_of_its_own(form: Any, history: list[tuple[list[int], bool]]) -> None:
    slots: Slots = form()
    known: dict[int, int] = {}
    for keys, thin in history:
        asked = np.array(keys, np.int64)
        assert slots.find(asked).tolist() == [known.get(key, -1) for key in keys]
        found = slots.slots(asked)
        assert slots.keys[found].tolist() == keys
        known |= dict(zip(keys, found.tolist(), strict=True))
        assert sorted(known.values()) == list(range(slots.size))
        if thin:
            kept = np.arange(0, slots.size, 2)
            known = {int(key): place for place, key in enumerate(slots.keys[kept].tolist())}
            slots.keep(kept)


@pytest.mark.parametrize("form", FORMS)
def test_it_grows_in_the_middle_of_a_column(form: Any) -> None:
    keys = np.random.default_rng(5).integers(-(2**63), 2**63 - 1, 70_000)
    keys.flags.writeable = False
    slots: Slots = form()
    found = slots.slots(keys[::2])
    assert sorted(found.tolist()) == list(range(slots.size))
    assert slots.keys[found].tolist() == keys[::2].tolist()
    assert (slots.find(keys[1::2]) == -1).all()


def test_keys_whose_hashes_begin_alike_wrap_round_the_end_of_the_table() -> None:
    drawn = np.random.default_rng(6).integers(-(2**63), 2**63 - 1, 400_000)
    last = [int(key) for key in drawn if _first_place(int(key)) >= 2045][:300]
    assert len(last) == 300
    slots = HashedSlots()
    found = slots.slots(np.array(last))
    assert slots.find(np.array(last)).tolist() == found.tolist() == list(range(300))


def _first_place(key: int) -> int:
    """Where a table of 2,048 places begins to look for a key."""
    mixed = key % 2**64
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB % 2**64
    return (mixed ^ mixed >> 31) >> 53
