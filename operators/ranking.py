"""Which few of many members of a group stand at its top."""

import numpy as np
import numpy.typing as npt

from schemas.frame import Int64s


def top(
    groups: Int64s, scores: Int64s, last_ms: Int64s, tie_break: Int64s, most: int
) -> npt.NDArray[np.bool_]:
    """Whether each member is among the `most` of its group by score, then the latest, then the lowest tie break.

    >>> top(np.array([1, 1, 1, 2]), np.array([5, 7, 5, 0]), np.array([9, 1, 9, 1]), np.array([4, 5, 3, 1]), 2).tolist()
    [False, True, True, True]
    """
    order = np.lexsort((tie_break, -last_ms, -scores, groups))
    ranked = groups[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))[: len(ranked)]
    sizes = np.diff(np.append(starts, len(ranked)))
    place = np.arange(len(ranked)) - np.repeat(starts, sizes)
    best = np.empty(len(ranked), np.bool_)
    best[order] = place < most
    return best
