"""Several effects on the same key become the last one."""

from collections.abc import Sequence

import numpy as np

from schemas.effects import (
    AffinitySet,
    Effect,
    Erase,
    FeatureSet,
    MemberSet,
    SeenErase,
    SeenSet,
    Trending,
    VectorSet,
)
from schemas.frame import Int64s
from sinks.coalesce_pairs import last_pairs, without_users
from sinks.coalesce_users import last_members, last_seen, without


def coalesce(effects: Sequence[Effect]) -> list[Effect]:
    """The effects that leave the same behind as all of `effects` in turn, erasures first.

    A key that was written because something happened stays so, even if a later expiry has its last value.
    """
    vectors: dict[str, list[VectorSet]] = {}
    pairs: dict[str, list[AffinitySet]] = {}
    erased: dict[str, list[Erase]] = {}
    seen: dict[int, list[SeenSet]] = {}
    unseen: list[SeenErase] = []
    members: dict[str, list[MemberSet]] = {}
    others: dict[tuple[type, str | int], Trending | FeatureSet] = {}
    for effect in effects:
        if isinstance(effect, VectorSet):
            if len(effect):
                vectors.setdefault(effect.entity, []).append(effect)
        elif isinstance(effect, AffinitySet):
            pairs.setdefault(effect.entity, []).append(effect)
        elif isinstance(effect, Erase):
            before = vectors.get(effect.entity, [])
            vectors[effect.entity] = [kept for one in before if len(kept := _without(one, effect))]
            pairs[effect.entity] = [without_users(one, effect.ids) for one in pairs.get(effect.entity, [])]
            erased.setdefault(effect.entity, []).append(effect)
        elif isinstance(effect, SeenSet):
            seen.setdefault(effect.day, []).append(effect)
        elif isinstance(effect, SeenErase):
            seen = {day: [without(one, effect) for one in some] for day, some in seen.items()}
            unseen.append(effect)
        elif isinstance(effect, MemberSet):
            members.setdefault(effect.kind, []).append(effect)
        elif isinstance(effect, Trending):
            others[Trending, effect.region] = effect
        else:
            others[FeatureSet, effect.version] = effect
    return [
        *(
            Erase(entity, np.unique(np.concatenate([one.ids for one in some])))
            for entity, some in erased.items()
        ),
        *unseen,
        *(_last(some) for some in vectors.values() if some),
        *(last_pairs(some) for some in pairs.values() if some),
        *(last_seen(some) for some in seen.values()),
        *(last_members(some) for some in members.values()),
        *others.values(),
    ]


def _without(effect: VectorSet, erased: Erase) -> VectorSet:
    return rows_of(effect, np.flatnonzero(~np.isin(effect.ids, erased.ids)))


def _last(effects: list[VectorSet]) -> VectorSet:
    """The last vector of each id."""
    if len(effects) == 1:
        return effects[0]
    backwards = effects[::-1]
    ids = np.concatenate([effect.ids[::-1] for effect in backwards])
    _, last, which = np.unique(ids, return_index=True, return_inverse=True)
    expiry = np.concatenate([effect.expiry[::-1] for effect in backwards])
    happened = np.zeros(len(last), np.bool_)
    happened[which[~expiry]] = True
    return VectorSet(
        effects[0].entity,
        ids[last],
        np.concatenate([effect.as_of_ms[::-1] for effect in backwards])[last],
        np.concatenate([effect.values[::-1] for effect in backwards])[last],
        ~happened,
    )


def rows_of(effect: VectorSet, rows: Int64s | slice) -> VectorSet:
    """Some rows of an effect."""
    return VectorSet(
        effect.entity, effect.ids[rows], effect.as_of_ms[rows], effect.values[rows], effect.expiry[rows]
    )
