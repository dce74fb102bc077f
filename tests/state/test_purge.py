"""What is erased leaves the files too: at the end of a run at once, else in the background."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from state.chunks import SUFFIX, ChunkStore
from state.durable import Durable
from state.keeper import KEPT, Keeper

ERASED = 7


def rows(*keys: int) -> pa.Table:
    return pa.table({"key": pa.array(keys, pa.int64())})


def without(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts).filter(pc.field("key") != ERASED)


def keeper(path: Path, durable: Durable) -> Keeper:
    return Keeper(ChunkStore(path, durable), {"users": without})


def on_disk(path: Path) -> list[int]:
    """Every key in any file, named by a manifest or not."""
    found: list[int] = []
    for file in path.glob(f"*{SUFFIX}"):
        found += pa.ipc.open_file(file).read_all()["key"].to_pylist()
    return sorted(found)


def test_the_last_snapshot_purges_at_once(tmp_path: Path) -> None:
    """Its manifest names only what is left, and the old files go when it counts."""
    durable = Durable()
    mine = keeper(tmp_path, durable)
    mine.snapshot({"users": rows(1, ERASED)}, {})
    mine.snapshot({"users": rows(2)}, {}, purge=True)
    last = mine.snapshot({"users": rows(3)}, {}, purge=True, last=True)
    durable.wait()
    assert ERASED in on_disk(tmp_path)
    mine.settle()
    mine.close()
    durable.wait()
    assert on_disk(tmp_path) == [1, 2, 3]
    tables, _ = keeper(tmp_path, durable).restore(last)
    assert sorted(key for table in tables["users"] for key in table["key"].to_pylist()) == [1, 2, 3]


def test_a_running_flow_purges_in_the_background(tmp_path: Path) -> None:
    """A few snapshots later nothing is left, and no snapshot waited for it."""
    durable = Durable()
    mine = keeper(tmp_path, durable)
    mine.snapshot({"users": rows(1, ERASED)}, {}, purge=True)
    for number in range(1000):
        mine.snapshot({"users": rows(100 + number)}, {})
        durable.wait()
        if ERASED not in on_disk(tmp_path):
            break
    mine.close()
    assert number >= KEPT
    assert ERASED not in on_disk(tmp_path)
    assert 1 in on_disk(tmp_path)


def test_nothing_goes_without_a_purge(tmp_path: Path) -> None:
    """An engine may still resume from an earlier manifest."""
    durable = Durable()
    mine = keeper(tmp_path, durable)
    mine.snapshot({"users": rows(1)}, {})
    mine.snapshot({"users": rows(2)}, {}, last=True)
    durable.wait()
    names = set(tmp_path.iterdir())
    mine.settle()
    mine.close()
    durable.wait()
    assert set(tmp_path.iterdir()) == names


@pytest.mark.parametrize("then", ["stops", "crashes"])
def test_a_purge_that_was_begun_is_finished(then: str, tmp_path: Path) -> None:
    """When the run stops in the middle of it, and by whoever resumes from a manifest that asked for it."""
    durable = Durable()
    mine = keeper(tmp_path, durable)
    mine.snapshot({"users": rows(1, ERASED)}, {})
    manifest = mine.snapshot({}, {"clock": 5}, purge=True)
    durable.wait()
    if then == "crashes":
        mine.close()
        durable.wait()
        mine = keeper(tmp_path, durable)
        assert mine.restore(manifest)[1] == {"clock": 5}
    last = mine.snapshot({}, {}, last=True)
    durable.wait()
    mine.settle()
    mine.close()
    durable.wait()
    assert on_disk(tmp_path) == [1]
    assert keeper(tmp_path, durable).restore(last)[1] == {}


def test_it_is_busy_until_nothing_is_left(tmp_path: Path) -> None:
    """An engine that wakes it as long as that is so needs no other reason."""
    durable = Durable()
    mine = keeper(tmp_path, durable)
    mine.snapshot({"users": rows(1, ERASED)}, {})
    mine.snapshot({}, {}, purge=True)
    snapshots = 0
    while mine.busy:
        mine.snapshot({}, {})
        durable.wait()
        snapshots += 1
    mine.close()
    assert snapshots > KEPT
    assert on_disk(tmp_path) == [1]
