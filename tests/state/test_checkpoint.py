import errno
import os
from pathlib import Path

import pytest

from schemas.errors import HeadraceError
from state.checkpoint import Checkpoint


def test_the_last_snapshot_comes_back(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "flow")
    assert checkpoint.load() is None
    for offset in (1, 2):
        checkpoint.save({"offsets": {"posts-0": offset}})
    assert Checkpoint(tmp_path / "flow").load() == {"offsets": {"posts-0": 2}}


def test_a_save_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save({"epoch": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HeadraceError, match="disk is full"):
        checkpoint.save({"epoch": 2})
    assert checkpoint.load() == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.json"]


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_a_damaged_one_is_named(tmp_path: Path, text: str) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.path.write_text(text)
    with pytest.raises(HeadraceError, match=r"checkpoint\.json is damaged"):
        checkpoint.load()
