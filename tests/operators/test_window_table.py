"""Windows with small numbers: after every step each holds what a list of events says."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.window_state import keys_delta, merge_keys, merge_tiles, restore, tiles_delta
from operators.window_table import Window, WindowTable

SHAPES = (Window("a", 50, 10), Window("b", 100, 10), Window("c", 150, 60))
COLUMNS = 3

Event = tuple[int, int, int]

steps = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 300), st.integers(0, COLUMNS - 1)), max_size=5),
        st.integers(-20, 40),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=20,
)


def counted(events: Sequence[Event], key: int, window: Window, clock: int) -> list[int]:
    """Counts of one key by column, as of the clock or its last event if that lies ahead."""
    mine = [event for event in events if event[0] == key]
    start = window.start(max(clock, *(at for _, at, _ in mine)))
    return [sum(at >= start and column == own for _, at, own in mine) for column in range(COLUMNS)]


def add(table: WindowTable, events: Sequence[Event]) -> None:
    key, at_ms, column = (np.array([event[part] for event in events], np.int64) for part in range(3))
    dwells = np.flatnonzero(column == 0)
    table.add(key, at_ms, column, dwells, np.full(len(dwells), 7))


@settings(max_examples=300, deadline=None)
@given(steps)
def test_every_window_at_every_step(history: list[tuple[list[Event], int, bool, bool]]) -> None:
    """Events in any order, time that passes in between, parts that are saved, merged and restored."""
    table = WindowTable(SHAPES, COLUMNS, None)
    tiles: list[Any] = []
    keys: list[Any] = []
    events: list[Event] = []
    clock = epoch = 0
    for batch, passed, save, resume in history:
        if batch:
            add(table, batch)
            events += batch
        clock += max(passed, 0)
        table.pass_to(clock)
        if save:
            epoch += 1
            tiles.append(tiles_delta(table))
            keys.append(keys_delta(table, epoch))
            if len(tiles) > 1:
                coarse = [(min(shape.start(clock) for shape in SHAPES[:2]), SHAPES[2].pane_ms)]
                tiles = [merge_tiles(tiles, coarse, SHAPES[2].start(clock))]
                keys = [merge_keys(keys, None)]
            if resume:
                table = WindowTable(SHAPES, COLUMNS, None)
                restore(table, tiles, keys, clock, epoch)
        known = sorted({key for key, _, _ in events})
        slots = table.slots(np.array(known, np.int64)) if known else np.empty(0, np.int64)
        for number, shape in enumerate(SHAPES):
            counts, dwell = table.window_counts(number, slots)
            wanted = [counted(events, key, shape, clock) for key in known]
            assert counts.T.tolist() == wanted
            assert dwell.tolist() == [7 * row[0] for row in wanted]


def test_a_table_without_rows_is_not_saved() -> None:
    """What did not change costs nothing."""
    table = WindowTable(SHAPES, COLUMNS, None)
    add(table, [(1, 5, 0)])
    assert tiles_delta(table).num_rows
    assert isinstance(tiles_delta(table), pa.Table)
    assert tiles_delta(table).num_rows == 0
