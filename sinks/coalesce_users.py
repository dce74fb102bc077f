"""Several effects on the seen filters and the sets of the same users become the last ones."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from schemas.effects import MemberSet, SeenErase, SeenSet
from schemas.frame import Int64s


def last_seen(effects: Sequence[SeenSet]) -> SeenSet:
    """The last filter of each user; all of one day."""
    if len(effects) == 1:
        return effects[0]
    users = np.concatenate([effect.user_ids for effect in effects])
    rows = _last_of_each(users)
    return SeenSet(effects[0].day, users[rows], np.concatenate([effect.bits for effect in effects])[rows])


def without(effect: SeenSet, erased: SeenErase) -> SeenSet:
    """The filters that an erasure leaves."""
    gone = erased.user_ids[(erased.first_days <= effect.day) & (effect.day <= erased.last_days)]
    kept = np.flatnonzero(~np.isin(effect.user_ids, gone))
    return SeenSet(effect.day, effect.user_ids[kept], effect.bits[kept])


def last_members(effects: Sequence[MemberSet]) -> MemberSet:
    """The last set of each user; all of one kind."""
    if len(effects) == 1:
        return effects[0]
    users = np.concatenate([effect.user_ids for effect in effects])
    sizes = np.concatenate([np.diff(effect.ends, prepend=0) for effect in effects])
    members = np.concatenate([effect.members for effect in effects])
    rows = _last_of_each(users)
    kept = np.isin(np.repeat(np.arange(len(users)), sizes), rows)
    return MemberSet(effects[0].kind, users[rows], np.cumsum(sizes[rows]), members[kept])


def _last_of_each(users: Int64s) -> npt.NDArray[np.intp]:
    """The last row of each user, in order of row."""
    _, backwards = np.unique(users[::-1], return_index=True)
    return np.sort(len(users) - 1 - backwards)
