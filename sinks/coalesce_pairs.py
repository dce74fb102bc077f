"""Several effects on the fields of the same hashes become the last ones."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.effects import AffinitySet
from schemas.frame import Int64s

Bools = npt.NDArray[np.bool_]


def last_pairs(effects: Sequence[AffinitySet]) -> AffinitySet:
    """The last row of each user and field, of what has followed the last time that the user was written whole.

    Where something happened to a user in any of them, the last rows are as if it had happened to all their fields.
    """
    if len(effects) == 1:
        return effects[0]
    whole = np.unique(np.concatenate([effect.whole for effect in effects]))
    joined = _joined(effects, whole)
    number = np.repeat(np.arange(len(effects)), [len(effect) for effect in effects])
    happened = np.unique(joined.user_ids[~joined.expiry & ~joined.gone])
    begins = np.zeros(len(whole), np.int64)
    for index, effect in enumerate(effects):
        begins[np.searchsorted(whole, effect.whole)] = index
    of_whole = np.isin(joined.user_ids, whole)
    since = np.zeros(len(joined), np.int64)
    since[of_whole] = begins[np.searchsorted(whole, joined.user_ids[of_whole])]
    kept = np.flatnonzero(number >= since)
    codes = _codes(joined.fields.take(pa.array(kept)))
    found = pair_rows(joined, kept[_last_of_each(joined.user_ids[kept], codes)])
    return AffinitySet(
        found.entity,
        found.user_ids,
        found.fields,
        found.as_of_ms,
        found.values,
        ~found.gone & ~np.isin(found.user_ids, happened),
        found.gone,
        whole,
    )


def pair_rows(effect: AffinitySet, rows: Int64s | slice, whole: Int64s | None = None) -> AffinitySet:
    """Some rows of an effect, with all of its whole users unless others are given."""
    fields = effect.fields[rows] if isinstance(rows, slice) else effect.fields.take(pa.array(rows))
    return AffinitySet(
        effect.entity,
        effect.user_ids[rows],
        fields,
        effect.as_of_ms[rows],
        effect.values[rows],
        effect.expiry[rows],
        effect.gone[rows],
        effect.whole if whole is None else whole,
    )


def without_users(effect: AffinitySet, ids: Int64s) -> AffinitySet:
    """What an erasure of users leaves."""
    rows = np.flatnonzero(~np.isin(effect.user_ids, ids))
    return pair_rows(effect, rows, effect.whole[~np.isin(effect.whole, ids)])


def only_time(effect: AffinitySet) -> Bools:
    """Of each row whether nothing happened to its user in this effect but that time passed."""
    busy = np.concatenate((effect.user_ids[~effect.expiry | effect.gone], effect.whole))
    return ~np.isin(effect.user_ids, busy)


def overtaken(effect: AffinitySet, by: AffinitySet) -> Bools:
    """Of each row whether a later effect says something else of it."""
    codes = _codes(pa.concat_arrays([effect.fields, by.fields]))
    users = np.concatenate((effect.user_ids, by.user_ids))
    kept = np.zeros(len(users), np.bool_)
    kept[_last_of_each(users, codes)] = True
    return ~kept[: len(effect)] | np.isin(effect.user_ids, by.whole)


def _joined(effects: Sequence[AffinitySet], whole: Int64s) -> AffinitySet:
    return AffinitySet(
        effects[0].entity,
        np.concatenate([effect.user_ids for effect in effects]),
        pa.concat_arrays([effect.fields for effect in effects]),
        np.concatenate([effect.as_of_ms for effect in effects]),
        np.concatenate([effect.values for effect in effects]),
        np.concatenate([effect.expiry for effect in effects]),
        np.concatenate([effect.gone for effect in effects]),
        whole,
    )


def _codes(fields: pa.Array) -> Int64s:
    """Numbers that are equal where the fields are."""
    codes: Int64s = fields.dictionary_encode().indices.to_numpy().astype(np.int64)
    return codes


def _last_of_each(users: Int64s, codes: Int64s) -> Int64s:
    """The last row of each user and code."""
    order = np.lexsort((codes, users))  # stable: rows of a pair stay in their order
    ranked, ranked_codes = users[order], codes[order]
    ends = np.append((ranked[1:] != ranked[:-1]) | (ranked_codes[1:] != ranked_codes[:-1]), True)
    last: Int64s = order[ends[: len(order)]]
    return last
