"""Groups against a list of events: whatever is cut, joined or taken out, the sums are those of the events."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.groups import Groups, group, join
from operators.ledger import COLUMN_MASK, PANE_SHIFT, slots_of
from operators.partial import shard_of

PANE, IDLE = 10, 100

Event = tuple[int, int, int, int]
"""Key, time, column, and the dwell of events in column 2."""

events = st.lists(
    st.tuples(st.sampled_from([-7, 3, 2**62]), st.integers(-500, 500), st.integers(0, 2), st.integers(0, 9)),
    max_size=30,
)


def grouped(rows: Sequence[Event], idle_ms: int | None = IDLE) -> Groups:
    keys, at_ms, columns, dwell = (np.array([row[part] for row in rows], np.int64) for part in range(4))
    dwells = np.flatnonzero(columns == 2)
    return group(keys, at_ms, columns, dwells, dwell[dwells], PANE, idle_ms)


def sums(groups: Groups) -> tuple[Counter[tuple[int, int, int]], Counter[tuple[int, int]]]:
    """Counts by key, pane and column, and sums of dwell by key and pane."""
    counts: Counter[tuple[int, int, int]] = Counter()
    dwells: Counter[tuple[int, int]] = Counter()
    cells, dwell_cells = groups.cells, groups.dwell_cells
    parts = groups.keys[slots_of(cells)], cells >> PANE_SHIFT, cells & COLUMN_MASK, groups.amounts
    for key, pane, column, amount in zip(*(part.tolist() for part in parts), strict=True):
        counts[key, pane, column] += amount
    sums_of = groups.keys[slots_of(dwell_cells)], dwell_cells >> PANE_SHIFT, groups.dwell_ms
    for key, pane, dwell_ms in zip(*(part.tolist() for part in sums_of), strict=True):
        dwells[key, pane] += dwell_ms
    return counts, dwells


def naive(rows: Sequence[Event]) -> tuple[Counter[tuple[int, int, int]], Counter[tuple[int, int]]]:
    dwells: Counter[tuple[int, int]] = Counter()
    for key, at, column, dwell in rows:
        if column == 2:
            dwells[key, at // PANE] += dwell
    return Counter((key, at // PANE, column) for key, at, column, _ in rows), dwells


def assert_sound(groups: Groups, rows: Sequence[Event]) -> None:
    """Sums, order of panes, and times that are those of each row's own events."""
    assert sums(groups) == naive(rows)
    assert (np.diff(groups.cells >> PANE_SHIFT) >= 0).all()
    assert (np.diff(groups.dwell_cells >> PANE_SHIFT) >= 0).all()
    for row, key in enumerate(groups.keys.tolist()):
        first, last = int(groups.first_ms[row]), int(groups.last_ms[row])
        mine = [event for event in rows if event[0] == key and first <= event[1] <= last]
        columns = [event[2] for event in mine]
        wanted = [columns.count(column) for column in range(3)]
        assert groups.counts(row, 3).tolist() == [*wanted, sum(event[3] for event in mine if event[2] == 2)]
        assert last - first <= IDLE


@given(events)
def test_groups_are_the_sums_of_their_events(rows: list[Event]) -> None:
    assert_sound(grouped(rows), rows)
    times = {(key, at) for key, at, *_ in rows}
    whole = grouped(rows, idle_ms=None)
    for key, first, last in zip(whole.keys, whole.first_ms, whole.last_ms, strict=True):
        assert first == min(at for one, at in times if one == key)
        assert last == max(at for one, at in times if one == key)
    assert len(set(whole.keys.tolist())) == len(whole.keys)


@given(events, st.integers(1, 4))
def test_a_split_gives_each_owner_its_own(rows: list[Event], shards: int) -> None:
    groups = grouped(rows)
    parts = groups.split(shard_of(groups.keys, shards), shards)
    assert len(parts) == shards
    for shard, part in enumerate(parts):
        assert_sound(part, [row for row in rows if shard_of(np.array([row[0]]), shards)[0] == shard])


@given(st.lists(events, min_size=1, max_size=3))
def test_joined_groups_are_the_sum(parts: list[list[Event]]) -> None:
    joined = join([grouped(rows) for rows in parts])
    rows = [row for part in parts for row in part]
    assert sums(joined) == naive(rows)
    assert (np.diff(joined.cells >> PANE_SHIFT) >= 0).all()
    assert len(joined.keys) == len(joined.first_ms) == sum(len(grouped(part).keys) for part in parts)


@given(events, st.dictionaries(st.sampled_from([-7, 3, 2**62]), st.integers(-500, 500)))
def test_what_is_taken_out_was_there_before_or_in_its_pane(rows: list[Event], until: dict[int, int]) -> None:
    """Of a key with nothing to take out everything stays."""
    groups = grouped(rows, idle_ms=None)
    times = {key: until.get(key, -1000) for key, *_ in rows}
    first = {key: min(row[1] for row in rows if row[0] == key) for key in times}
    upto = {key: times[key] // PANE if first[key] <= times[key] else -100 for key in times}
    later = groups.since(np.array([times[key] for key in groups.keys.tolist()], np.int64), PANE)
    assert sums(later) == naive([row for row in rows if row[1] // PANE > upto[row[0]]])
    assert set(later.keys.tolist()) == {row[0] for row in rows if row[1] > times[row[0]]}
    for key, begins, ends in zip(later.keys.tolist(), later.first_ms, later.last_ms, strict=True):
        assert times[key] < begins <= ends
        assert ends == max(row[1] for row in rows if row[0] == key)
