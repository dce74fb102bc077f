"""A window table as additive tables: what changed, how parts add up, and how a table is built from them."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from operators.ledger import COLUMN_MASK, MAX_PANE, PANE_SHIFT, Amounts, pack, slots_of, sum_run
from operators.lifetime import FAR, Segment
from operators.window_table import TRAILING, WindowTable
from schemas.frame import Int64s

DAY_MS = 86_400_000
DUE_BITS = 2

_VALUES = frozenset({"pane_ms", "column", "amount", "first_ms", "last_ms", "exit_ms", "due"})


def tiles_delta(table: WindowTable) -> pa.Table:
    """Cells added since the last call: `pane_ms`, `key`, `column`, `amount`; the sum of dwell is the last column.

    Other indexes have more than one column for the key.
    """
    return _tiles(table, table.counts.take_fresh(table.coarsen), table.dwell.take_fresh(table.coarsen))


def tiles_taken_out(table: WindowTable, slots: Int64s, panes: Int64s) -> pa.Table:
    """What must be added to saved tiles so that slots hold nothing in panes up to the one given for each.

    To be asked for before `WindowTable.erase`. Cells in memory may be coarser than saved tiles of theirs; these have
    left the windows with finer panes, so that both add up to nothing in every window.
    """
    upto = np.full(table.capacity, -MAX_PANE - 1)
    upto[slots] = panes
    found = []
    for ledger in (table.counts, table.dwell):
        cells = np.concatenate([slots[:0], *(run.cells for run in ledger.runs)])
        amounts = np.concatenate([ledger.total[:0], *(run.amounts for run in ledger.runs)])
        mine = np.flatnonzero(cells >> PANE_SHIFT <= upto[slots_of(cells)])
        found.append((cells[mine], -amounts[mine]))
    return _tiles(table, *found)


def _tiles(table: WindowTable, counts: tuple[Int64s, Amounts], dwell: tuple[Int64s, Amounts]) -> pa.Table:
    every = np.concatenate((counts[0], dwell[0]))
    columns = np.concatenate((counts[0] & COLUMN_MASK, np.full(len(dwell[0]), table.counts.columns)))
    return pa.table(
        {
            "pane_ms": (every >> PANE_SHIFT) * table.pane_ms,
            **table.index.columns(slots_of(every)),
            "column": columns.astype(np.uint8),
            # What is taken out is less than nothing.
            "amount": np.concatenate((counts[1].view(np.int32).astype(np.int64), dwell[1])),
        }
    )


def keys_delta(table: WindowTable, epoch: int) -> pa.Table:
    """Keys that changed since the last call or wait to be written; a key that only trails has changed when it began to.

    `key`, `first_ms` and `last_ms` (of a segment), `exit_ms` (the last instant at which a pane left), `due`:
    `due` is `epoch << 2 | why the key waits to be written`, so that the largest is the newest. A reason holds in that
    epoch only, but a key that trails does so until something newer is said of it.
    """
    slots = np.flatnonzero(table.touched | (table.due > TRAILING))
    table.touched[:] = False
    split = slots[np.isin(slots, list(table.lives.older))] if table.lives.older else slots[:0]
    older = [(slot, segment) for slot in split.tolist() for segment in table.lives.older[slot]]
    rows = np.concatenate((slots, np.array([slot for slot, _ in older], np.int64)))
    first = [segment.first_ms for _, segment in older]
    last = [segment.last_ms for _, segment in older]
    return pa.table(
        {
            **table.index.columns(rows),
            "first_ms": np.concatenate((_first(table, slots), np.array(first, np.int64))),
            "last_ms": np.concatenate((table.lives.last[slots], np.array(last, np.int64))),
            "exit_ms": table.last_exit[rows],
            "due": (epoch << DUE_BITS) | table.due[rows].astype(np.int64),
        }
    )


def _first(table: WindowTable, slots: Int64s) -> Int64s:
    """The first event of each slot, as far back as it matters."""
    return table.lives.first[slots] if table.lives.idle_ms is not None else np.full(len(slots), -FAR)


def merge_tiles(parts: Sequence[pa.Table], steps: Sequence[tuple[int, int]], forget_ms: int) -> pa.Table:
    """The sum of tiles, panes made coarser with age and left out before `forget_ms`.

    `steps` are pairs (time, pane): what lies before the time is needed only by panes of that many ms.
    """
    tiles = pl.concat([_frame(part) for part in parts]).filter(pl.col("pane_ms") >= forget_ms)
    keys = _key(tiles)
    pane = pl.col("pane_ms")
    for before_ms, pane_ms in steps:
        tiles = tiles.with_columns(pl.when(pane < before_ms).then(pane - pane % pane_ms).otherwise(pane))
    summed = tiles.group_by("pane_ms", *keys, "column").agg(pl.col("amount").sum())
    return summed.filter(pl.col("amount") != 0).to_arrow()


def merge_keys(parts: Sequence[pa.Table], idle_ms: int | None) -> pa.Table:
    """Keys of all parts: the segments of a key at most `idle_ms` apart made one (None: all of them)."""
    rows = pl.concat([_frame(part) for part in parts])
    keys = _key(rows)
    rows = rows.sort(*keys, "first_ms")
    before = pl.col("last_ms").cum_max().over(keys).shift(1)
    begins = pl.any_horizontal(pl.col(key) != pl.col(key).shift(1) for key in keys)
    if idle_ms is not None:
        begins |= pl.col("first_ms") > before + idle_ms
    return (
        rows.with_columns(segment=begins.fill_null(value=True).cum_sum())
        .group_by("segment")
        .agg(
            pl.col(keys).first(),
            pl.col("first_ms").min(),
            pl.col("last_ms").max(),
            pl.col("exit_ms").max(),
            pl.col("due").max(),
        )
        .drop("segment")
        .to_arrow()
    )


def restore(
    table: WindowTable, tiles: Sequence[pa.Table], keys: Sequence[pa.Table], clock: int, epoch: int
) -> None:
    """Fill an empty table from its saved parts, as it was when its clock stood at `clock`, in snapshot `epoch`."""
    table.pass_to(clock)
    known = merge_keys(keys, table.lives.idle_ms) if keys else None
    if known is not None and known.num_rows:
        born = _births(table, known)
        for part in tiles:
            _restore_tiles(table, part, born)
        _restore_keys(table, known, tiles, epoch)


def _births(table: WindowTable, keys: pa.Table) -> Int64s:
    """The start of the day of the first event of each slot: tiles before it belong to what was forgotten."""
    slots = table.slots(table.index.of(keys))
    born = np.full(table.capacity, FAR)
    np.minimum.at(born, slots, _int64(keys, "first_ms") // DAY_MS * DAY_MS)
    return born


def _restore_tiles(table: WindowTable, tiles: pa.Table, born: Int64s) -> None:
    slots = table.index.find(table.index.of(tiles))
    alive = np.flatnonzero((slots >= 0) & (_int64(tiles, "pane_ms") >= born[slots]))
    slots, tiles = slots[alive], tiles.take(pa.array(alive))
    columns = _int64(tiles, "column")
    panes = _int64(tiles, "pane_ms") // table.pane_ms
    amounts = _int64(tiles, "amount")
    counted = columns < table.counts.columns
    cells = pack(panes, slots, np.where(counted, columns, 0))
    table.counts.add(*sum_run(cells[counted], amounts[counted].astype(np.uint32)), fresh=False)
    table.dwell.add(*sum_run(cells[~counted], amounts[~counted]), fresh=False)


def _restore_keys(table: WindowTable, keys: pa.Table, tiles: Sequence[pa.Table], epoch: int) -> None:
    slots = table.slots(table.index.of(keys))
    first, last = _int64(keys, "first_ms"), _int64(keys, "last_ms")
    by_time = np.argsort(first, kind="stable")
    table.lives.first[slots[by_time]] = first[by_time]
    table.lives.last[slots[by_time]] = last[by_time]
    np.maximum.at(table.last_exit, slots, _int64(keys, "exit_ms"))
    due = _int64(keys, "due")
    kind = due & ((1 << DUE_BITS) - 1)
    waiting = np.flatnonzero((due >> DUE_BITS == epoch) | (kind == TRAILING))
    table.due[slots[waiting]] = kind[waiting]
    for row in np.flatnonzero(first < table.lives.first[slots]).tolist():
        segment = _segment(table, int(slots[row]), int(first[row]), int(last[row]), tiles)
        table.lives.older.setdefault(int(slots[row]), []).append(segment)
    for segments in table.lives.older.values():
        segments.sort(key=lambda segment: segment.first_ms)


def _segment(
    table: WindowTable, slot: int, first_ms: int, last_ms: int, tiles: Sequence[pa.Table]
) -> Segment:
    """An older segment with its counts: no pane is as long as the silence between two segments."""
    counts = np.zeros(table.counts.columns + 1, np.int64)
    for part in tiles:
        pane = _int64(part, "pane_ms")
        own = table.index.find(table.index.of(part)) == slot
        mine = np.flatnonzero(own & (pane > first_ms - DAY_MS) & (pane <= last_ms))
        np.add.at(counts, _int64(part, "column")[mine], _int64(part, "amount")[mine])
    return Segment(first_ms, last_ms, counts[:-1], int(counts[-1]))


def _key(rows: pl.DataFrame) -> list[str]:
    """The columns of a saved table that make up the key."""
    return [name for name in rows.columns if name not in _VALUES]


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _int64(table: pa.Table, column: str) -> Int64s:
    values: Int64s = table.column(column).to_numpy()
    return values.astype(np.int64, copy=False)
