"""What is saved of the seen filter: the marks of each user and day, and which bitmaps wait to be written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from operators.bloom import Int32s
from schemas.frame import Int64s

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Views:
    """Impressions, one entry each: UTC day since 1970, user, marks of the post, and the time of the day in ms."""

    days: Int32s
    users: Int64s
    marks: Int32s
    ms: Int32s

    @classmethod
    def of(cls, users: Int64s, marks: Int32s, at_ms: Int64s) -> "Views":
        """Impressions at some times (ms)."""
        days = at_ms // DAY_MS
        return cls(days.astype(np.int32), users, marks, (at_ms - days * DAY_MS).astype(np.int32))

    @classmethod
    def saved(cls, rows: pa.Table) -> "Views":
        """Those of a saved table."""
        return cls(*(rows.column(name).to_numpy() for name in ("day", "user_id", "mark", "ms")))

    @classmethod
    def together(cls, parts: Sequence["Views"]) -> "Views":
        """All of them."""
        return cls(
            _joined([part.days for part in parts], np.int32),
            _joined([part.users for part in parts], np.int64),
            _joined([part.marks for part in parts], np.int32),
            _joined([part.ms for part in parts], np.int32),
        )

    def __len__(self) -> int:
        return len(self.days)

    @property
    def at_ms(self) -> Int64s:
        """When they happened, ms."""
        return self.days.astype(np.int64) * DAY_MS + self.ms

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Views":
        """Some of them."""
        if chosen.all():
            return self
        rows = np.flatnonzero(chosen)
        return Views(self.days[rows], self.users[rows], self.marks[rows], self.ms[rows])

    def by_day(self) -> Iterator[tuple[int, "Views"]]:
        """Those of each day."""
        if len(self):
            first, last = int(self.days.min()), int(self.days.max())
            for day in [first] if first == last else np.unique(self.days).tolist():
                yield day, self.where(self.days == day)

    def table(self) -> pa.Table:
        """As a table to be saved."""
        return pa.table({"day": self.days, "user_id": self.users, "mark": self.marks, "ms": self.ms})


def merge_views(parts: Sequence[pa.Table], oldest: int) -> pa.Table:
    """Each mark of a user and day once, with its latest time, without the days before `oldest`."""
    rows = pl.concat([pl.DataFrame(pl.from_arrow(part)) for part in parts]).filter(pl.col("day") >= oldest)
    latest = rows.group_by("day", "user_id", "mark").agg(pl.col("ms").max())
    return latest.sort("day", "user_id", "mark").to_arrow()


def due_table(waiting: Iterable[tuple[int, Int64s]], epoch: int) -> pa.Table:
    """The users of each day whose bitmaps wait to be written when snapshot `epoch` is made."""
    parts = [(np.full(len(users), day, np.int32), users) for day, users in waiting]
    days = _joined([days for days, _ in parts], np.int32)
    users = _joined([users for _, users in parts], np.int64)
    return pa.table({"day": days, "user_id": users, "epoch": np.full(len(days), epoch)})


def merge_due(parts: Sequence[pa.Table], epoch: int) -> pa.Table:
    """What waited at the snapshot `epoch` or later: a manifest is resumed from with what waited at its own."""
    rows = pa.concat_tables(parts)
    return rows.filter(pc.field("epoch") >= epoch)


def _joined(arrays: Sequence[npt.NDArray[Any]], kind: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.empty(0, kind)
