"""The compiled filters are numpy's, and say the same of which have changed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.bloom import BYTES
from operators.kernels import bits, compiled_bits

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**24 - 1) | st.integers(0, 9)), max_size=40)


@given(ROWS, ROWS)
def test_bits(before: list[tuple[int, int]], rows: list[tuple[int, int]]) -> None:
    found = []
    for form in (bits, compiled_bits):
        filters, due = np.zeros((4, BYTES), np.uint8), np.zeros(4, np.bool_)
        for some in (before, rows):
            due[:] = False
            slots = np.array([slot for slot, _ in some], np.int64)
            form.set_bits(filters.reshape(-1), slots, np.array([mark for _, mark in some], np.int32), due)
        found.append((filters.tobytes(), due.tolist()))
    assert found[0] == found[1]
