import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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
from sinks.coalesce import coalesce

Store = dict[tuple[str, object], object]
SMALL = st.integers(0, 6)
ENTITY = st.sampled_from(["post", "user"])


@st.composite
def vector_sets(draw: st.DrawFn) -> VectorSet:
    ids = draw(st.lists(SMALL, unique=True, max_size=5))
    values = np.array([[draw(st.integers(0, 1000))] for _ in ids], np.float32).reshape(len(ids), 1)
    expiry = np.array([draw(st.booleans()) for _ in ids], np.bool_)
    return VectorSet(draw(ENTITY), np.array(ids, np.int64), values[:, 0].astype(np.int64), values, expiry)


ERASES = st.builds(
    lambda entity, ids: Erase(entity, np.array(ids, np.int64)), ENTITY, st.lists(SMALL, max_size=3)
)
TRENDING = st.builds(
    lambda region, posts: Trending(region, np.array(posts, np.int64), np.ones(len(posts))),
    st.sampled_from(["all", "br"]),
    st.lists(SMALL, unique=True, max_size=3),
)
USERS = st.lists(SMALL, unique=True, max_size=4)
SEEN = st.builds(
    lambda day, users, bits: SeenSet(
        day, np.array(users, np.int64), np.full((len(users), 1), bits, np.uint8)
    ),
    st.integers(1, 3),
    USERS,
    st.integers(1, 200),
)
UNSEEN = st.builds(
    lambda users, first, days: SeenErase(
        np.array(users, np.int64), np.full(len(users), first), np.full(len(users), first + days)
    ),
    USERS,
    st.integers(0, 3),
    st.integers(-1, 2),
)
MEMBERS = st.builds(
    lambda kind, sets: MemberSet(
        kind,
        np.array(list(sets), np.int64),
        np.cumsum([len(items) for items in sets.values()], dtype=np.int64),
        np.array([item for items in sets.values() for item in items], np.int64),
    ),
    st.sampled_from(["hidden", "muted"]),
    st.dictionaries(SMALL, st.lists(SMALL, unique=True, max_size=3), max_size=3),
)
FEATURE_SETS = st.builds(FeatureSet, st.integers(1, 2), st.sampled_from(["a", "b"]))


def apply(effects: list[Effect], store: Store) -> Store:
    """What Redis holds after the effects, one by one."""
    store = dict(store)
    for effect in effects:
        if isinstance(effect, Trending):
            store[("trending", effect.region)] = effect.post_ids.tolist()
            continue
        if isinstance(effect, FeatureSet):
            store[("feature_set", effect.version)] = effect.description
            continue
        if isinstance(effect, SeenSet):
            store |= {
                (f"seen {effect.day}", user): bits.tolist()
                for user, bits in zip(effect.user_ids.tolist(), effect.bits, strict=True)
            }
            continue
        if isinstance(effect, SeenErase):
            for row, user in enumerate(effect.user_ids.tolist()):
                for day in range(effect.first_days[row], effect.last_days[row] + 1):
                    store.pop((f"seen {day}", user), None)
            continue
        if isinstance(effect, MemberSet):
            sets = np.split(effect.members, effect.ends)[:-1]
            store |= {
                (effect.kind, user): items.tolist()
                for user, items in zip(effect.user_ids.tolist(), sets, strict=True)
            }
            continue
        assert not isinstance(effect, AffinitySet), "pairs have tests of their own"
        for row, number in enumerate(effect.ids.tolist()):
            key = (effect.entity, number)
            if isinstance(effect, Erase):
                store.pop(key, None)
            elif key in store or not effect.expiry[row]:
                store[key] = (effect.as_of_ms[row], effect.values[row].tolist())
    return store


@given(
    effects=st.lists(vector_sets() | ERASES | TRENDING | FEATURE_SETS | SEEN | UNSEEN | MEMBERS, max_size=12),
    before=st.dictionaries(st.tuples(ENTITY, SMALL), st.just("before"), max_size=5),
)
def test_coalesced_effects_leave_the_same_behind(
    effects: list[Effect], before: dict[tuple[str, int], str]
) -> None:
    store: Store = dict(before.items())
    coalesced = coalesce(effects)
    assert apply(coalesced, store) == apply(effects, store)
    written = [
        (effect.entity, number)
        for effect in coalesced
        if isinstance(effect, VectorSet)
        for number in effect.ids.tolist()
    ]
    assert len(written) == len(set(written))
