import errno
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import HeadraceError
from state.chunks import ChunkStore

TYPES = pa.array(["click", "like", None]).dictionary_encode()
ROWS = pa.table({"post_id": pa.array([-1, 0, 2**62]), "type": TYPES})


@pytest.fixture
def store(tmp_path: Path) -> ChunkStore:
    return ChunkStore(tmp_path / "state")


def test_a_chunk_comes_back_as_it_was_written(store: ChunkStore) -> None:
    chunk = store.write("posts", ROWS)
    assert store.read(chunk).equals(ROWS)
    assert (chunk.table, chunk.rows) == ("posts", 3)
    assert chunk.bytes == (store.path / chunk.name).stat().st_size


def test_dictionaries_that_differ_by_batch_are_kept(store: ChunkStore) -> None:
    other = pa.table({"post_id": pa.array([5]), "type": pa.array(["share"]).dictionary_encode()})
    both = pa.concat_tables([ROWS, other])
    read = store.read(store.write("posts", both))
    assert read["type"].to_pylist() == ["click", "like", None, "share"]


def test_a_name_is_never_used_again(store: ChunkStore) -> None:
    names = {store.write("posts", ROWS).name for _ in range(20)}
    assert len(names) == 20
    assert store.names() == names


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "says"),
    [(Path.unlink, "is missing"), (truncate, "bytes instead of"), (flip_a_bit, "is damaged")],
)
def test_a_damaged_chunk_is_named(store: ChunkStore, damage: Callable[[Path], None], says: str) -> None:
    chunk = store.write("posts", ROWS)
    damage(store.path / chunk.name)
    with pytest.raises(HeadraceError, match=says) as caught:
        store.read(chunk)
    assert str(store.path / chunk.name) in str(caught.value)
    assert "remove the whole state directory" in str(caught.value)


def test_deleting_twice_is_fine(store: ChunkStore) -> None:
    chunk = store.write("posts", ROWS)
    store.delete(chunk.name)
    store.delete(chunk.name)
    assert store.names() == set()


def test_what_a_crash_left_half_written_is_swept(store: ChunkStore) -> None:
    left_over = store.path / ".posts-1.arrow.ff.tmp"
    left_over.write_bytes(b"half")
    ChunkStore(store.path)
    assert not left_over.exists()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    store: ChunkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HeadraceError, match="the disk is full: make room"):
        store.write("posts", ROWS)
    assert list(store.path.iterdir()) == []


def test_a_place_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a directory")
    with pytest.raises(HeadraceError, match="a part of the path is a file: choose another place"):
        ChunkStore(tmp_path / "state")


def test_an_unwritable_place_is_one_sentence(tmp_path: Path) -> None:
    # root may write anywhere, except where the kernel itself says no
    place = Path("/proc/headrace-state") if os.geteuid() == 0 else tmp_path / "closed" / "state"
    if os.geteuid() != 0:
        (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(HeadraceError, match=f"cannot use {place}: "):
        ChunkStore(place)


def test_a_table_name_must_be_a_plain_word(store: ChunkStore) -> None:
    with pytest.raises(ValueError, match=r"not '\.\./posts'"):
        store.write("../posts", ROWS)
