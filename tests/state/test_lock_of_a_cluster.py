"""The processes of one cluster share a state directory, and nobody else uses it meanwhile."""

from pathlib import Path

import pytest

from schemas.errors import HeadraceError
from state.lock import StateLock

NAME = "a:1,b:2"


def test_each_process_has_a_seat_of_its_own(tmp_path: Path) -> None:
    """The same index twice is one process too many."""
    with (
        StateLock(tmp_path, NAME, 0),
        StateLock(tmp_path, NAME, 1),
        pytest.raises(HeadraceError, match="another process"),
    ):
        StateLock(tmp_path, NAME, 1)


def test_a_single_process_and_a_cluster_keep_each_other_out(tmp_path: Path) -> None:
    """Whoever was first."""
    with StateLock(tmp_path, NAME, 0), pytest.raises(HeadraceError, match="another process"):
        StateLock(tmp_path)
    with StateLock(tmp_path), pytest.raises(HeadraceError, match="another process"):
        StateLock(tmp_path, NAME, 0)


def test_another_cluster_is_kept_out(tmp_path: Path) -> None:
    """Until the first one has gone."""
    first = StateLock(tmp_path, NAME, 0)
    with pytest.raises(HeadraceError, match="same --addresses"):
        StateLock(tmp_path, "c:1,d:2", 1)
    first.close()
    with StateLock(tmp_path, "c:1,d:2", 1), StateLock(tmp_path, "c:1,d:2", 0):
        pass
