"""The radix sort beside numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.kernels import compiled_sort

anywhere = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.one_of(st.integers(-2, 2), st.integers(0, 2**22), anywhere), max_size=200))
def test_order_of_any_numbers(numbers: list[int]) -> None:
    values = np.array(numbers, np.int64)
    values.flags.writeable = False
    assert compiled_sort.sort(values).tolist() == sorted(numbers)
    assert compiled_sort.order(values).tolist() == np.argsort(values, kind="stable").tolist()


@pytest.mark.parametrize("bits", [1, 11, 12, 22, 23, 40, 63])
def test_any_number_of_digits(bits: int) -> None:
    values = np.random.default_rng(bits).integers(0, 1 << bits, 5_000)[::2]
    assert compiled_sort.sort(values).tolist() == sorted(values.tolist())
    assert compiled_sort.order(values).tolist() == np.argsort(values, kind="stable").tolist()
