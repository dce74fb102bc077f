import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import HeadraceError
from state.chunks import Chunk, ChunkStore
from state.keeper import Keeper

Counts = dict[int, int]
KEPT = 2  # manifests that an engine may go back
EPOCH = st.dictionaries(st.integers(0, 20), st.integers(-5, 5), max_size=4)


def table(counts: Counts) -> pa.Table:
    return pa.table({"key": pa.array(counts, pa.int64()), "n": pa.array(counts.values(), pa.int64())})


def add_up(tables: list[pa.Table]) -> pa.Table:
    sums = pa.concat_tables(tables).group_by("key").aggregate([("n", "sum")])
    return sums.rename_columns(["key", "n"]).filter(pc.field("n") != 0)


def counts(tables: list[pa.Table]) -> Counts:
    if not tables:
        return {}
    rows = add_up(tables)
    return dict(zip(rows["key"].to_pylist(), rows["n"].to_pylist(), strict=True))


def open_keeper(path: Path) -> Keeper:
    return Keeper(ChunkStore(path), {"counts": add_up}, {"cap": "100"})


class Killed(BaseException):
    """The process ends here."""


class FragileStore(ChunkStore):
    """A store whose process is killed at its n-th change of the disk."""

    def __init__(self, path: Path, steps: int) -> None:
        super().__init__(path)
        self.steps = steps

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Killed

    def write(self, table: str, rows: pa.Table) -> Chunk:
        self._step()
        return super().write(table, rows)

    def delete(self, name: str) -> None:
        self._step()
        super().delete(name)


@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(EPOCH, max_size=20),
    after=st.lists(EPOCH, min_size=KEPT + 2, max_size=20),
    behind=st.integers(0, KEPT),
)
def test_every_manifest_that_may_be_resumed_from_holds_the_whole_state(
    tmp_path_factory: pytest.TempPathFactory, before: list[Counts], after: list[Counts], behind: int
) -> None:
    path = tmp_path_factory.mktemp("state")
    history: list[tuple[dict[str, Any] | None, Counts]] = [(None, {})]

    def run(keeper: Keeper, epochs: list[Counts], state: Counts) -> None:
        for epoch in epochs:
            state = {key: n for key in state | epoch if (n := state.get(key, 0) + epoch.get(key, 0))}
            history.append((keeper.snapshot({"counts": table(epoch)}, {"epoch": len(history)}), state))
        keeper.close()

    def restored(manifest: dict[str, Any] | None) -> tuple[Keeper, Counts]:
        keeper = open_keeper(path)
        if manifest is None:
            return keeper, {}
        tables, facts = keeper.restore(json.loads(json.dumps(manifest)))
        assert 0 < facts["epoch"] <= len(history)
        return keeper, counts(tables.get("counts", []))

    run(open_keeper(path), before, {})
    manifest, expected = history[max(0, len(history) - 1 - behind)]
    keeper, state = restored(manifest)
    assert state == expected
    run(keeper, after, state)
    for manifest, expected in history[-1 - KEPT :]:
        keeper, state = restored(manifest)
        assert state == expected
        keeper.close()


@settings(max_examples=60, deadline=None)
@given(steps=st.integers(0, 120), size=st.integers(1, 60))
def test_a_kill_between_any_two_steps_leaves_the_last_manifest_readable(
    tmp_path_factory: pytest.TempPathFactory, steps: int, size: int
) -> None:
    path = tmp_path_factory.mktemp("state")
    keeper = Keeper(FragileStore(path, steps), {"counts": add_up})
    last: dict[str, Any] | None = None
    done = 0
    try:
        for number in range(size):
            last = keeper.snapshot({"counts": table({number % 7: 1})}, {})
            done += 1
    except Killed:
        pass
    keeper.close()
    if last is not None:
        tables, _ = open_keeper(path).restore(last)
        assert sum(counts(tables["counts"]).values()) == done


def test_a_snapshot_writes_what_changed_and_no_more(tmp_path: Path) -> None:
    keeper = open_keeper(tmp_path)
    keeper.snapshot({"counts": table(dict.fromkeys(range(50_000), 1))}, {})
    whole = keeper.bytes
    assert keeper.snapshot_bytes == whole
    keeper.snapshot({"counts": table({7: 1})}, {})
    assert keeper.snapshot_bytes < whole / 50
    assert keeper.rows == 50_001
    keeper.snapshot({"counts": table({})}, {})
    assert keeper.snapshot_bytes == 0
    keeper.close()


def test_files_no_manifest_names_go_after_two_more(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    orphan = store.write("counts", table({1: 1})).name
    keeper = open_keeper(tmp_path)
    for _ in range(KEPT):
        keeper.snapshot({"counts": table({2: 1})}, {})
        assert orphan in store.names()
    keeper.snapshot({}, {})
    assert orphan not in store.names()
    keeper.close()


def test_chunks_stay_few_over_many_epochs(tmp_path: Path) -> None:
    keeper = open_keeper(tmp_path)
    for number in range(400):
        manifest = keeper.snapshot({"counts": table({number % 11: 1})}, {})
    keeper.close()
    assert len(manifest["chunks"]) < 100
    assert len(ChunkStore(tmp_path).names()) < 140
    tables, _ = open_keeper(tmp_path).restore(manifest)
    assert sum(counts(tables["counts"]).values()) == 400


def test_a_missing_chunk_stops_the_restore_by_name(tmp_path: Path) -> None:
    keeper = open_keeper(tmp_path)
    manifest = keeper.snapshot({"counts": table({1: 1})}, {})
    keeper.close()
    name = manifest["chunks"][0]["name"]
    (tmp_path / name).unlink()
    with pytest.raises(HeadraceError, match=name):
        open_keeper(tmp_path).restore(manifest)


def test_what_was_saved_is_read_while_it_is_kept(tmp_path: Path) -> None:
    """The chunks of one table, oldest first."""
    keeper = open_keeper(tmp_path)
    keeper.snapshot({"counts": table({1: 1}), "others": table({9: 9})}, {})
    keeper.snapshot({"counts": table({2: 1})}, {})
    assert [counts([rows]) for rows in keeper.read("counts")] == [{1: 1}, {2: 1}]
    keeper.close()
