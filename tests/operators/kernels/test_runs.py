"""Compiled runs are the runs of numpy, to the last bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.kernels import compiled_runs, runs
from operators.ledger import MAX_PANE, SLOT_MASK, pack

near = st.integers(-3, 3)
packed = st.builds(
    lambda pane, slot, column: int(pack(np.array([pane]), np.array([slot]), column)[0]),
    st.integers(-MAX_PANE, MAX_PANE),
    st.integers(0, SLOT_MASK),
    st.integers(0, 63),
)
anywhere = st.integers(-(2**63), 2**63 - 1)
many = st.lists(st.one_of(near, packed, anywhere), max_size=300)


@given(many)
def test_counts(cells: list[int]) -> None:
    _same(*(form.count_run(np.array(cells, np.int64), np.uint32) for form in (runs, compiled_runs)))


@given(many, st.sampled_from([np.uint32, np.int64]), st.data())
def test_sums_wrap_round(cells: list[int], dtype: type, data: st.DataObject) -> None:
    limits = np.iinfo(dtype)
    drawn = st.lists(st.integers(int(limits.min), int(limits.max)), min_size=len(cells), max_size=len(cells))
    amounts: Any = np.array(data.draw(drawn), dtype)
    _same(*(form.sum_run(np.array(cells, np.int64), amounts) for form in (runs, compiled_runs)))


@pytest.mark.parametrize("form", [runs, compiled_runs])
def test_what_it_is_given_may_be_read_only_or_a_slice_and_stays_as_it_is(form: Any) -> None:
    cells = np.array([5, 9, 5, 9, 2, 9], np.int64)
    amounts = np.arange(6)
    cells.flags.writeable = amounts.flags.writeable = False
    found, sums = form.sum_run(cells[::2], amounts[::2])
    assert (found.tolist(), sums.tolist()) == ([2, 5], [4, 2])
    assert cells.tolist() == [5, 9, 5, 9, 2, 9]


def _same(plain: tuple[Any, Any], fast: tuple[Any, Any]) -> None:
    for one, other in zip(plain, fast, strict=True):
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist()
