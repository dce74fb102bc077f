from pathlib import Path
from threading import Event

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import HeadraceError
from state.chunks import ChunkStore
from state.merge import FAN_IN, MOST, SMALLEST, Merger, choose, tier

SIZES = st.lists(st.integers(1, 100_000_000), max_size=300)


@given(SIZES)
def test_merging_ends_with_few_chunks_and_loses_nothing(sizes: list[int]) -> None:
    total = sum(sizes)
    while (run := choose(sizes)) is not None:
        assert len(sizes[run]) >= FAN_IN
        sizes[run] = [sum(sizes[run])]
    assert sum(sizes) == total
    assert len(sizes) <= MOST


@given(st.lists(st.integers(SMALLEST, 3 * SMALLEST), min_size=50, max_size=400))
def test_each_byte_is_merged_at_most_once_a_tier(arriving: list[int]) -> None:
    sizes: list[int] = []
    rewritten = 0
    for size in arriving:
        sizes.append(size)
        while (run := choose(sizes)) is not None:
            rewritten += sum(sizes[run])
            sizes[run] = [sum(sizes[run])]
    tiers = tier(sum(arriving)) + 1
    assert rewritten <= tiers * sum(arriving)


def test_neighbours_of_the_lowest_tier_go_first() -> None:
    big, small = SMALLEST * 10, 10
    assert choose([big] * FAN_IN + [small] * FAN_IN) == slice(FAN_IN, 2 * FAN_IN)
    assert choose([big] * FAN_IN + [small]) == slice(0, FAN_IN + 1)
    assert choose([big] * (FAN_IN - 1) + [small] * (FAN_IN - 1)) is None


def rows(*values: int) -> pa.Table:
    return pa.table({"n": pa.array(values, pa.int64())})


def test_what_is_merged_is_taken_once(tmp_path: Path) -> None:
    go = Event()

    def add(tables: list[pa.Table]) -> pa.Table:
        assert go.wait(30)
        return rows(sum(table["n"][0].as_py() for table in tables))

    store = ChunkStore(tmp_path)
    chunks = [store.write("sums", rows(n)) for n in range(FAN_IN)]
    merger = Merger(store, {"sums": add})
    merger.start(chunks)
    assert merger.take() == []
    merger.start(chunks)
    go.set()
    merger.close()
    [merged] = merger.take()
    assert merged.replaced == tuple(chunks)
    assert merged.chunk is not None
    assert store.read(merged.chunk).equals(rows(28))
    assert merger.take() == []


def test_nothing_left_is_no_chunk(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    merger = Merger(store, {"sums": lambda tables: tables[0].slice(0, 0)})
    merger.start([store.write("sums", rows(n)) for n in range(FAN_IN)])
    merger.close()
    [merged] = merger.take()
    assert merged.chunk is None


def test_every_table_that_needs_it_is_merged(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    chunks = [store.write(table, rows(n)) for n in range(FAN_IN) for table in ("sums", "few", "others")][:-1]
    merger = Merger(store, dict.fromkeys(("sums", "few", "others"), pa.concat_tables))
    merger.start(chunks)
    merger.close()
    assert [merged.replaced[0].table for merged in merger.take()] == ["sums", "few"]


def test_a_damaged_chunk_is_reported_when_the_merge_is_taken(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path)
    chunks = [store.write("sums", rows(n)) for n in range(FAN_IN)]
    store.delete(chunks[3].name)
    merger = Merger(store, {"sums": pa.concat_tables})
    merger.start(chunks)
    merger.close()
    with pytest.raises(HeadraceError, match=chunks[3].name):
        merger.take()
