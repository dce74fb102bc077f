"""The seen filters of all days that can still change."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from operators.seen_day import SeenDay
from operators.seen_state import DAY_MS, Views
from schemas.effects import SeenSet
from schemas.frame import Int64s


class SeenDays:
    """The bitmaps in memory, by UTC day since 1970."""

    def __init__(self) -> None:
        self._days: dict[int, SeenDay] = {}

    def __iter__(self) -> Iterator[int]:
        return iter(self._days)

    def add(self, views: Views, due: bool = True) -> None:
        """Set the bits of impressions; with `due`, bitmaps that change wait to be written."""
        for day, mine in views.by_day():
            self._days.setdefault(day, SeenDay()).add(mine.users, mine.marks, mine.ms, due)

    def restore(self, views: Views, waiting: pa.Table, floor: int) -> None:
        """Take up saved impressions of days from `floor`, and of earlier ones with bitmaps that wait to be written."""
        needed = np.isin(views.days, pc.unique(waiting.column("day")).to_numpy())
        self.add(views.where(needed | (views.days >= floor)), due=False)

    def wait(self, waiting: pa.Table) -> None:
        """Let the bitmaps of these users (`day`, `user_id`) wait to be written."""
        for day, kept in self._days.items():
            kept.wait(waiting.filter(pc.field("day") == day).column("user_id").to_numpy())

    def waiting(self) -> Iterator[tuple[int, Int64s]]:
        """The users whose bitmaps wait to be written, by day."""
        return ((day, kept.waiting()) for day, kept in self._days.items())

    def take_due(self) -> list[SeenSet]:
        """The bitmaps that wait to be written."""
        taken = [(day, *kept.take_due()) for day, kept in self._days.items()]
        return [SeenSet(day, users, bits) for day, users, bits in taken if len(users)]

    def write_again(self) -> None:
        """Let all bitmaps wait to be written."""
        for kept in self._days.values():
            kept.write_again()

    def seen_after(self, users: Int64s, until_ms: Int64s) -> npt.NDArray[np.bool_]:
        """Whether each saw something after a time and on its day, as far as that day is here: bool[n]."""
        found = np.zeros(len(users), np.bool_)
        last = until_ms // DAY_MS
        for day, kept in self._days.items():
            rows = np.flatnonzero(last == day)
            found[rows] = kept.latest(users[rows]) > until_ms[rows] - day * DAY_MS
        return found

    def clear(self, users: Int64s, last_days: Int64s) -> None:
        """Let nothing be left of users up to a day each."""
        for day, kept in self._days.items():
            kept.clear(users[last_days >= day])

    def leave(self, floor: int) -> None:
        """Let go of the days before `floor` with nothing that waits to be written."""
        for day in [day for day, kept in self._days.items() if day < floor and not kept.due.any()]:
            del self._days[day]
