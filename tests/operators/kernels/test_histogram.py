"""The compiled quantile is numpy's, to the last bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from operators.kernels import compiled_histogram, histogram

counts = st.one_of(st.integers(0, 3), st.integers(0, 2**40)).map(float)


@given(
    arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9), elements=counts),
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 0.9, 1.0])),
    st.lists(st.integers(0, 2_000_000), min_size=10, max_size=10),
)
def test_quantiles(
    histograms: np.ndarray[tuple[int, int], np.dtype[np.float64]], q: float, gaps: list[int]
) -> None:
    edges = np.cumsum(np.array(gaps, np.float64))[: len(histograms) + 1]
    plain, fast = (form.quantile(histograms, q, edges) for form in (histogram, compiled_histogram))
    np.testing.assert_array_equal(plain.view(np.int64), fast.view(np.int64))
