import struct

import numpy as np
import pytest

from serving.vectors import decode, decode_many


def pack(values: list[float], *, layout: int = 1, feature_set: int = 7, as_of_ms: int = 1000) -> bytes:
    return struct.pack(f"<HHIq{len(values)}f", layout, feature_set, len(values), as_of_ms, *values)


def test_a_vector_is_read_by_its_layout() -> None:
    vector = decode(pack([0.5, float("nan")], as_of_ms=-3))
    assert vector is not None
    assert (vector.feature_set, vector.as_of_ms) == (7, -3)
    np.testing.assert_array_equal(vector.values, np.array([0.5, np.nan], np.float32))


@pytest.mark.parametrize(
    "value", [None, b"", b"\x01\x00", pack([1.0], layout=2), pack([1.0])[:-1], pack([1.0]) + b"\x00"]
)
def test_what_is_not_known_is_missing(value: bytes | None) -> None:
    assert decode(value) is None
    assert decode_many([value], 7, 1).found.tolist() == [False]


def test_many_vectors_are_read_at_once() -> None:
    values = [
        pack([1.0, 2.0]),
        None,
        pack([3.0, 4.0], feature_set=8),
        pack([5.0, 6.0], as_of_ms=9),
        pack([1.0]),
    ]
    vectors = decode_many(values, 7, 2)
    assert vectors.found.tolist() == [True, False, False, True, False]
    assert vectors.as_of_ms.tolist() == [1000, 0, 0, 9, 0]
    nan = np.nan
    np.testing.assert_array_equal(vectors.values, [[1, 2], [nan, nan], [nan, nan], [5, 6], [nan, nan]])
    assert vectors.values.dtype == np.float32


def test_no_vectors_are_no_rows() -> None:
    assert decode_many([], 7, 3).values.shape == (0, 3)
