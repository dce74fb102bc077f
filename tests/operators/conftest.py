"""Runs are merged early in these tests, so that short histories reach every path."""

from collections.abc import Iterator

import pytest

from operators import ledger, recent_ids


@pytest.fixture(autouse=True, scope="package")
def early_merges() -> Iterator[None]:
    """Merge two runs where the real ones wait for more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "_FRESH_RUNS", 2)
        patch.setattr(ledger, "_FAN_IN", 2)
        patch.setattr(recent_ids, "_FAN_IN", 2)
        yield
