import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.murmur3 import murmur3
from tests.operators import naive_seen

# From mmh3 5.3.1, `hash64(struct.pack("<q", id), seed=0, x64arch=True, signed=False)`.
PUBLISHED = {
    0: (2945182322382062539, 17462001654787800658),
    1: (19144387141682250, 4434582959624657926),
    -1: (11593587578262711667, 7575356704511641263),
    1577836800123456: (9963942361956373838, 10621761890576686995),
    2**63 - 1: (7815693464130447828, 9078010830062108062),
    -(2**63): (78142285821850151, 10078766454864339126),
}


def test_another_implementation_gives_the_same() -> None:
    first, second = murmur3(np.array(list(PUBLISHED), np.int64))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == list(PUBLISHED.values())


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_a_column_is_hashed_as_one_id_is(ids: list[int]) -> None:
    first, second = murmur3(np.array(ids, np.int64))
    hashes = [naive_seen.murmur3(number.to_bytes(8, "little", signed=True)) for number in ids]
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == hashes
