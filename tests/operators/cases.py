"""One case for each operator: how to make it, what it reads, and what of its effects counts in the end."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from operators.acceptance import Acceptance, Accepted, Refused
from operators.affinity import Affinity
from operators.base import Operator
from operators.hidden import MUTED, Hidden
from operators.items import Items
from operators.partial import ItemPartials
from operators.seen import Seen
from operators.trends import TopPosts, Trends
from operators.users import Users
from schemas.constants import SEEN_DAYS
from schemas.effects import MemberSet, SeenSet, Trending, VectorSet
from schemas.frame import Frame
from schemas.registry import Registry
from tests.operators.events import event
from tests.operators.naive_affinity import Hashes, apply

Row = dict[str, Any]
Outcome = dict[Any, Any]

START = 1_700_000_000_000
HOUR = 3_600_000
TTL_MS = {"post": HOUR, "author": HOUR, "user": HOUR}


@dataclass(frozen=True)
class Case:
    """An operator under test.

    `partitions` is how many partitions feed one logic; `outcome` is what a reader sees after a list of effects;
    `lateness` (ms) is how late an accepted row may be, None: any. `adapt` makes what the logic is fed with of a frame.
    """

    operator: Operator
    partitions: int
    rows: st.SearchStrategy[list[Row]]
    outcome: Callable[[Sequence[Any]], Outcome]
    lateness: int | None = HOUR
    adapt: Callable[[Frame], Sequence[Any]] = lambda frame: (frame,)


def vectors(effects: Sequence[Any]) -> Outcome:
    """What Redis holds: the bytes of every vector, and the trending posts."""
    found: Outcome = {}
    for effect in effects:
        if isinstance(effect, VectorSet):
            columns = (effect.ids.tolist(), effect.as_of_ms.tolist(), effect.values, effect.expiry.tolist())
            for key, t, values, expiry in zip(*columns, strict=True):
                if not expiry or (effect.entity, key) in found:
                    found[effect.entity, key] = (t, values.tobytes())
        elif isinstance(effect, Trending):
            found["trending", effect.region] = (effect.post_ids.tolist(), effect.scores.tolist())
        elif isinstance(effect, TopPosts):
            for region, (posts, scores) in effect.lists.items():
                found["top", effect.shard, region] = (posts.tolist(), scores.tolist())
    return found


def verdicts(effects: Sequence[Any]) -> Outcome:
    """The accepted and the refused events by reason, each with the times it was judged."""
    found: Outcome = defaultdict(set)
    for effect in effects:
        if isinstance(effect, Accepted):
            found["accepted"].update(effect.frame.offsets.tolist())
        elif isinstance(effect, Refused):
            for row, reason in zip(effect.rows.tolist(), effect.reasons, strict=True):
                found[reason].add(int(effect.frame.offsets[row]))
    return found


def members(effects: Sequence[Any]) -> Outcome:
    """The sets that are not empty."""
    found: Outcome = {}
    for effect in effects:
        if isinstance(effect, MemberSet):
            sets = np.split(effect.members, effect.ends)[:-1]
            found |= {
                (effect.kind, user): items.tolist()
                for user, items in zip(effect.user_ids.tolist(), sets, strict=True)
            }
    return {key: items for key, items in found.items() if items}


def bitmaps(effects: Sequence[Any]) -> Outcome:
    """The bytes of the seen filters that a reader may ask for."""
    found: Outcome = {}
    for effect in effects:
        if isinstance(effect, SeenSet):
            for user, bits in zip(effect.user_ids.tolist(), effect.bits, strict=True):
                found[effect.day, user] = bits.tobytes()
    last = max((day for day, _ in found), default=0)
    return {pair: bits for pair, bits in found.items() if pair[0] >= last - SEEN_DAYS}


def users_hashes(effects: Sequence[Any]) -> Hashes:
    """What users' hashes hold."""
    found: Hashes = {}
    apply(found, effects)
    return found


def top_posts(rows: Frame) -> list[TopPosts]:
    """The lists of two item shards, as the last row of each says: its region has its post, the others nothing."""
    found = []
    for shard in (0, 1):
        lists = {}
        for row in rows.rows.to_pylist():
            if row["user_id"] == shard:
                lists[row["region"]] = (np.array([row["post_id"]]), np.array([row["position"] * 1.0]))
        found.append(TopPosts(shard, lists))
    return found


def interactions(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
    """Lists of interactions."""
    return st.lists(st.builds(event, **fields), min_size=1, max_size=25)


HOURS = st.one_of(st.integers(0, 2 * HOUR), st.integers(0, 60 * HOUR)).map(lambda offset: START + offset)

COUNTED = interactions(
    type=st.sampled_from(["impression", "click", "like", "share", "dwell", "unlike"]),
    post_id=st.integers(-1, 2),
    author_id=st.integers(0, 1),
    user_id=st.integers(0, 2),
    position=st.one_of(st.none(), st.integers(0, 4)),
    dwell_ms=st.one_of(st.none(), st.integers(0, 100_000)),
    region=st.sampled_from([None, "all", "br", "de"]),
    at_ms=HOURS,
)

POSTS_AND_AUTHORS = ItemPartials(Registry.load(), (1000, 500), 1)

CASES: dict[type[Operator], Case] = {
    Acceptance: Case(
        Acceptance(0, 1, "user_id", "event_id", False, 40, 60, 30),
        partitions=1,
        rows=interactions(event_id=st.integers(0, 6), at_ms=st.integers(0, 300)),
        outcome=verdicts,
        lateness=None,
    ),
    Users: Case(
        Users(Registry.load(), (1000, 500), ttl_ms=TTL_MS),
        partitions=3,
        rows=COUNTED,
        outcome=vectors,
    ),
    Affinity: Case(
        Affinity(Registry.load(), (1000,), 40 * 24 * HOUR, most=2),
        partitions=3,
        rows=interactions(
            type=st.sampled_from(["impression", "click", "like", "dwell", "unlike"]),
            user_id=st.integers(0, 1),
            author_id=st.integers(0, 4),
            content_type=st.sampled_from([None, "video", "text", "photo"]),
            dwell_ms=st.one_of(st.none(), st.integers(0, 100_000)),
            at_ms=HOURS | st.integers(0, 100).map(lambda days: START + days * 24 * HOUR),
        ),
        outcome=users_hashes,
    ),
    Hidden: Case(
        MUTED,
        partitions=1,
        rows=interactions(
            type=st.sampled_from(["mute", "mute", "unmute", "click"]),
            author_id=st.integers(0, 2),
            user_id=st.integers(0, 2),
            at_ms=st.integers(0, 3).map(lambda offset: START + offset) | HOURS,
        ),
        outcome=members,
    ),
    Seen: Case(
        Seen(),
        partitions=3,
        rows=interactions(
            type=st.sampled_from(["impression", "impression", "click"]),
            post_id=st.integers(-20, 20),
            user_id=st.integers(0, 2),
            at_ms=HOURS,
        ),
        outcome=bitmaps,
    ),
    Items: Case(
        Items(Registry.load(), (1000, 500), ttl_ms=TTL_MS),
        partitions=3,
        rows=COUNTED,
        outcome=vectors,
        adapt=lambda frame: POSTS_AND_AUTHORS([frame]),
    ),
    Trends: Case(
        Trends(shards=2),
        partitions=1,
        rows=interactions(
            user_id=st.integers(0, 1),
            post_id=st.integers(0, 4),
            region=st.sampled_from(["all", "br", "de"]),
            position=st.integers(0, 3),
            at_ms=HOURS,
        ),
        outcome=vectors,
        adapt=top_posts,
    ),
}
