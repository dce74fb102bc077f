"""What has happened but has not arrived yet, by the slice in which it will."""

from collections import defaultdict
from typing import Final

import numpy as np

from schemas.frame import Int64s
from sources.simulate.events import Rows

GROUP: Final = 64
"""Slices that are told apart; what arrives later waits in groups of that many slices."""


class Calendar:
    """Holds rows with an `append_ms` until the slice of that time is taken; slices are taken in order.

    Rows that arrive at or after the last bound are dropped and counted in `left_over`.
    """

    def __init__(self, bounds: Int64s) -> None:
        self._bounds = bounds
        self._slices: dict[int, list[Rows]] = defaultdict(list)
        self._groups: dict[int, list[Rows]] = defaultdict(list)
        self._group = 0
        self.left_over = 0

    def put(self, rows: Rows) -> None:
        """Keep rows; their `append_ms` is not before the slice that is taken next."""
        number = np.searchsorted(self._bounds, rows["append_ms"], side="right") - 1
        over = number >= len(self._bounds) - 1
        if over.any():
            self.left_over += int(np.count_nonzero(over))
            rows, number = rows[~over], number[~over]
        group = number // GROUP
        near = group <= self._group
        self._split(self._slices, rows[near], number[near])
        self._split(self._groups, rows[~near], group[~near])

    def take(self, number: int) -> Rows | None:
        """The rows of a slice, those put first coming first; None if there are none."""
        if number // GROUP > self._group:
            self._group = number // GROUP
            for rows in self._groups.pop(self._group, []):
                self.put(rows)
        waiting = self._slices.pop(number, [])
        return np.concatenate(waiting) if waiting else None

    @staticmethod
    def _split(into: dict[int, list[Rows]], rows: Rows, number: Int64s) -> None:
        if not len(rows):
            return
        if number[0] == number[-1] and np.all(number == number[0]):
            into[int(number[0])].append(rows)
            return
        order = np.argsort(number, kind="stable")
        sorted_number = number[order]
        starts = np.flatnonzero(np.concatenate(([True], sorted_number[1:] != sorted_number[:-1])))
        ends = np.append(starts[1:], len(rows))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            into[int(sorted_number[start])].append(rows[order[start:end]])
