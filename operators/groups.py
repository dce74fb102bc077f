"""Events of many keys added up: what a window table needs to know of them, whatever process counted them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from operators.ledger import (
    COLUMN_BITS,
    COLUMN_MASK,
    PANE_SHIFT,
    SLOT_MASK,
    Amounts,
    count_run,
    pack,
    slots_of,
    sum_run,
)
from operators.lifetime import FAR
from schemas.frame import Int64s

_OTHERS = ~(SLOT_MASK << COLUMN_BITS)


@dataclass(frozen=True, slots=True)
class Groups:
    """Events by key, pane and column; row `i` of the first three columns belongs to one key.

    `keys`, `first_ms` and `last_ms` are int64[k]: the events of a row lie between these times, and where silences end
    lifetimes they are all of one. So a key has more than one row if its events lie far apart. `cells`
    (`pane << 34 | row << 6 | column`) are distinct and in order of their panes, with `amounts` uint32[m];
    `dwell_cells` and `dwell_ms` int64[d] are the same for sums of dwell, column 0.
    """

    keys: Int64s
    first_ms: Int64s
    last_ms: Int64s
    cells: Int64s
    amounts: Amounts
    dwell_cells: Int64s
    dwell_ms: Int64s

    def __len__(self) -> int:
        return len(self.cells)

    def placed(self, slots: Int64s) -> tuple[Int64s, Int64s]:
        """The cells with the slots of their rows in place of the rows: of counts, and of dwell."""
        return placed(self.cells, slots), placed(self.dwell_cells, slots)

    def counts(self, row: int, columns: int) -> Int64s:
        """What lies in a row, by column, and the sum of dwell last: int64[columns + 1]."""
        found = np.zeros(columns + 1, np.int64)
        mine = np.flatnonzero(slots_of(self.cells) == row)
        np.add.at(found, self.cells[mine] & COLUMN_MASK, self.amounts[mine].astype(np.int64))
        found[-1] = self.dwell_ms[slots_of(self.dwell_cells) == row].sum()
        return found

    def split(self, owners: Int64s, parts: int) -> list["Groups"]:
        """The rows of each owner 0, 1, ...: `owners` names one for each row."""
        if parts == 1:
            return [self]
        order, ends = _by_owner(owners, parts)
        rank = np.empty(len(owners), np.int64)
        rank[order] = np.arange(len(owners)) - (ends - np.bincount(owners, minlength=parts))[owners[order]]
        counts = _by_owner(owners[slots_of(self.cells)], parts)
        dwells = _by_owner(owners[slots_of(self.dwell_cells)], parts)
        cells, dwell_cells = self.placed(rank)
        columns = zip(
            *(np.split(column[order], ends[:-1]) for column in (self.keys, self.first_ms, self.last_ms)),
            *(np.split(column[counts[0]], counts[1][:-1]) for column in (cells, self.amounts)),
            *(np.split(column[dwells[0]], dwells[1][:-1]) for column in (dwell_cells, self.dwell_ms)),
            strict=True,
        )
        return [Groups(*part) for part in columns]

    def since(self, until_ms: Int64s, pane_ms: int) -> "Groups":
        """What each row has after the time given for it; a row with events before and after loses the pane of it."""
        rows = np.flatnonzero(self.last_ms > until_ms)
        place = np.full(len(until_ms), -1)
        place[rows] = np.arange(len(rows))
        upto = np.where(self.first_ms > until_ms, -FAR, until_ms) // pane_ms

        def later(cells: Int64s) -> Int64s:
            owners = slots_of(cells)
            return np.flatnonzero((place[owners] >= 0) & (cells >> PANE_SHIFT > upto[owners]))

        counts, dwells = later(self.cells), later(self.dwell_cells)
        return Groups(
            self.keys[rows],
            np.maximum(self.first_ms[rows], until_ms[rows] + 1),
            self.last_ms[rows],
            placed(self.cells[counts], place),
            self.amounts[counts],
            placed(self.dwell_cells[dwells], place),
            self.dwell_ms[dwells],
        )


def group(
    keys: Int64s,
    at_ms: Int64s,
    columns: Int64s | int,
    dwells: Int64s,
    dwell_ms: Int64s,
    pane_ms: int,
    idle_ms: int | None,
) -> Groups:
    """Add up events: key, time and column of each; `dwells` are the rows that carry the dwells `dwell_ms`.

    Events of a key more than `idle_ms` apart may belong to different lifetimes (None: they never do).

    >>> groups = group(np.array([7, 7, 5]), np.array([1, 8, 12]), 0, np.array([2]), np.array([90]), 10, None)
    >>> groups.keys.tolist(), groups.last_ms.tolist(), groups.amounts.tolist(), groups.dwell_ms.tolist()
    ([7, 5], [8, 12], [2, 1], [90])
    """
    encoded = pa.array(keys).dictionary_encode()
    rows: Int64s = encoded.indices.to_numpy().astype(np.int64)
    distinct: Int64s = encoded.dictionary.to_numpy()
    if idle_ms is not None and len(at_ms) and int(at_ms.max()) - int(at_ms.min()) > idle_ms:
        # Panes don't straddle these stretches: each is a multiple of every pane.
        stretch = at_ms // idle_ms
        encoded = pa.array((stretch - stretch.min()) * len(distinct) + rows).dictionary_encode()
        rows = encoded.indices.to_numpy().astype(np.int64)
        distinct = distinct[encoded.dictionary.to_numpy() % len(distinct)]
    first, last = np.full(len(distinct), FAR), np.full(len(distinct), -FAR)
    np.minimum.at(first, rows, at_ms)
    np.maximum.at(last, rows, at_ms)
    panes = at_ms // pane_ms
    cells, amounts = count_run(pack(panes, rows, columns), np.uint32)
    dwell_cells, dwell_sums = sum_run(pack(panes[dwells], rows[dwells], 0), dwell_ms)
    return Groups(distinct, first, last, cells, amounts, dwell_cells, dwell_sums)


def join(groups: Sequence[Groups]) -> Groups:
    """Groups after each other, as one; a key may then have a row in each of them."""
    if len(groups) == 1:
        return groups[0]
    starts = np.cumsum([0, *(len(one.keys) for one in groups)])
    placed_cells = [
        one.placed(np.arange(start, start + len(one.keys)))
        for one, start in zip(groups, starts.tolist(), strict=False)
    ]
    cells, amounts = sum_run(
        np.concatenate([cells for cells, _ in placed_cells]), np.concatenate([one.amounts for one in groups])
    )
    dwell_cells, dwell_ms = sum_run(
        np.concatenate([cells for _, cells in placed_cells]), np.concatenate([one.dwell_ms for one in groups])
    )
    return Groups(
        np.concatenate([one.keys for one in groups]),
        np.concatenate([one.first_ms for one in groups]),
        np.concatenate([one.last_ms for one in groups]),
        cells,
        amounts,
        dwell_cells,
        dwell_ms,
    )


def placed(cells: Int64s, slots: Int64s) -> Int64s:
    """Cells with `slots[row]` in place of the row."""
    moved: Int64s = (cells & _OTHERS) | (slots[slots_of(cells)] << COLUMN_BITS)
    return moved


def _by_owner(owners: Int64s, parts: int) -> tuple[Int64s, Int64s]:
    """Rows by owner, in their order, and where those of each owner end."""
    order = np.argsort(owners.astype(np.uint16), kind="stable")
    return order, np.cumsum(np.bincount(owners, minlength=parts))
