"""What users saw, read again from what was saved: for days that are not in memory, and after an erasure."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from operators.erased import Erased
from operators.seen_day import bitmaps
from operators.seen_state import DAY_MS, Views
from schemas.effects import SeenSet
from schemas.frame import Int64s

AT_ONCE = 65_536
"""Most bitmaps in an effect."""


class SeenPast:
    """Saved impressions, read a chunk at a time by `recall`, without those that were erased."""

    def __init__(self, recall: Callable[[], Iterable[pa.Table]], erased: Erased) -> None:
        self._recall = recall
        self._erased = erased

    def day(self, day: int) -> Iterator[SeenSet]:
        """All bitmaps of a UTC day, some users at a time."""
        return self.bitmaps(self._views(lambda views: views.days == day, ()))

    def after_erasure(self, users: Int64s, fresh: Sequence[Views]) -> Views:
        """What users saw on the day of their erasure, but after it; `fresh` is what was not saved yet."""
        asked = pa.array(users)

        def theirs(views: Views) -> npt.NDArray[np.bool_]:
            found: npt.NDArray[np.bool_] = self._erased.until(views.users) // DAY_MS == views.days
            found &= pc.is_in(pa.array(views.users), asked).to_numpy(zero_copy_only=False)
            return found

        return self._views(theirs, fresh) if len(users) else Views.together(())

    def bitmaps(self, views: Views) -> Iterator[SeenSet]:
        """The bitmaps that impressions make, some users of a day at a time."""
        for day, mine in views.by_day():
            order = np.argsort(mine.users, kind="stable")
            users, marked = mine.users[order], mine.marks[order]
            starts = np.flatnonzero(np.append(True, users[1:] != users[:-1]))[::AT_ONCE]
            for start, end in itertools.pairwise([*starts.tolist(), len(users)]):
                yield SeenSet(day, *bitmaps(users[start:end], marked[start:end]))

    def _views(self, chosen: Callable[[Views], npt.NDArray[np.bool_]], fresh: Sequence[Views]) -> Views:
        found = []
        for views in itertools.chain(map(Views.saved, self._recall()), fresh):
            some = views.where(chosen(views))
            found.append(some.where(self._erased.counts(some.users, some.at_ms)))
        return Views.together(found)
