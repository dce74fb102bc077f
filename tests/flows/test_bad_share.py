"""A flow stops when too much is bad; how the rows of a history are ordered is nobody's fault."""

import pytest

from flows.bad_share import BadShare
from schemas.errors import HeadraceError
from schemas.settings import load


@pytest.mark.parametrize(
    ("time", "reason", "stops"),
    [
        ("live", "late", True),
        ("history", "late", False),
        ("history", "future", True),
        ("live", "repeat", False),
        ("history", "undecodable", True),
    ],
)
def test_what_counts_as_bad(time: str, reason: str, stops: bool) -> None:
    watch = BadShare.of(load(env={"HEADRACE_TIME": time}))
    watch.count(10_000, {reason: 9_000})
    if stops:
        with pytest.raises(HeadraceError, match=f"9000 {reason}"):
            watch.check()
    else:
        watch.check()


def test_spared_records_do_not_thin_out_the_bad_ones() -> None:
    """Nine in ten are repeats; of the others a fifth is bad."""
    watch = BadShare(limit=0.1, window=1_000, minimum=2, spared={"repeat"})
    watch.count(1_000, {"repeat": 900, "future": 20})
    with pytest.raises(HeadraceError, match="20 of the latest 100 records"):
        watch.check()
