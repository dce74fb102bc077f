"""A simulated network as batches of records in the order in which they reach the log."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from schemas.frame import Int64s
from sources.simulate import columns
from sources.simulate.arrival import arrive, stamp
from sources.simulate.calendar import Calendar
from sources.simulate.curve import make_curve, slice_bounds
from sources.simulate.engagement import engage
from sources.simulate.events import ACCOUNT, FOLLOW, FOLLOWING, Rows, ordered
from sources.simulate.impressions import Pages
from sources.simulate.network import make_network
from sources.simulate.posting import Posts
from sources.simulate.streams import stream
from sources.simulate.traffic import DAY, HOUR, Traffic

TOPICS: Final = ("users", "follows", "posts", "interactions")
"""The topics that a simulation writes, in the order in which it begins them."""
BEFORE_MS: Final = DAY
"""Posts are written from this long before the first interaction."""
FIRST_ROWS: Final = 200_000
"""Accounts, follows or posts from before the simulation in one batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one topic by partition, each partition in order of arrival.

    Partition p has the rows `bounds[p]:bounds[p + 1]`; what follows in the same topic has arrived later.
    """

    topic: str
    rows: pa.RecordBatch
    append_ms: Int64s
    bounds: Int64s
    dirt: Int64s
    """What is wrong with each row: a code of `events`."""


class Simulation:
    """One network and its history, a slice of time at once: memory grows with the network, not with time."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.network = make_network(traffic)
        self.curve = make_curve(traffic)
        self.left_over = 0
        """Interactions that had happened but not arrived when the simulation ended."""
        self.hottest_post, self.hottest_author, self.hottest_views = 0, 0, 0
        """The post with the most views so far, and who wrote it."""

    @property
    def expected_records(self) -> int:
        """About how many records of all topics there will be."""
        traffic = self.traffic
        posts = traffic.expected_posts * (1 + BEFORE_MS / (traffic.end_ms - traffic.start_ms))
        follows = len(self.network.authors) + traffic.users * traffic.dirt.self_follows
        return round(traffic.users + follows + posts + traffic.interactions * (1 + traffic.dirt.repeats))

    def batches(self) -> Iterator[Batch]:
        """Accounts, the follows of the network, the posts of the day before, then slice after slice."""
        begin = self.traffic.start_ms - BEFORE_MS
        yield from self._accounts(begin - 2 * HOUR, begin - HOUR)
        yield from self._follows(begin - HOUR, begin)
        yield from self._history(begin)

    def _accounts(self, low_ms: int, high_ms: int) -> Iterator[Batch]:
        network, rng = self.network, stream(self.traffic.seed, "accounts")
        for first in range(0, len(network), FIRST_ROWS):
            user = np.arange(first, min(first + FIRST_ROWS, len(network)))
            rows = np.zeros(len(user), ACCOUNT)
            rows["user"] = user
            rows["at_ms"] = low_ms + (high_ms - low_ms) * user // len(network)
            rows["append_ms"] = rows["at_ms"] + 50
            rows["created_ms"] = low_ms - rng.integers(0, 3 * 365 * DAY, len(user))
            rows["partition"] = network.partition[user]
            yield self._batch("users", rows)

    def _follows(self, low_ms: int, high_ms: int) -> Iterator[Batch]:
        """Every follow of the network, follower by follower, and those who follow themselves."""
        network, rng = self.network, stream(self.traffic.seed, "follows")
        own = np.flatnonzero(rng.random(len(network)) < self.traffic.dirt.self_follows)
        follower = np.concatenate((np.repeat(np.arange(len(network)), network.followings), own))
        author = np.concatenate((network.authors, own))
        order = np.argsort(follower, kind="stable")
        for first in range(0, len(order), FIRST_ROWS):
            part = order[first : first + FIRST_ROWS]
            rows = np.zeros(len(part), FOLLOWING)
            rows["op"] = FOLLOW
            rows["follower"], rows["author"] = follower[part], author[part]
            rows["at_ms"] = low_ms + (high_ms - low_ms) * (first + np.arange(len(part))) // len(order)
            rows["append_ms"] = rows["at_ms"] + 50
            rows["weight"] = rng.random(len(part), np.float32)
            rows["partition"] = network.partition[rows["follower"]]
            yield self._batch("follows", rows)

    def _history(self, begin: int) -> Iterator[Batch]:
        traffic, network = self.traffic, self.network
        posts = Posts(traffic, network, self.curve)
        pages = Pages(traffic, network, self.curve)
        first = 1 + int(traffic.users * traffic.posts * BEFORE_MS / DAY) // FIRST_ROWS
        before = np.linspace(begin, traffic.start_ms, first, endpoint=False).astype(np.int64)
        bounds = np.concatenate((before, slice_bounds(traffic, self.curve)))
        calendars = {topic: Calendar(bounds) for topic in ("posts", "follows", "interactions")}
        event_id = 1
        for number, (low, high) in enumerate(pairwise(bounds.tolist())):
            rng = stream(traffic.seed, "slice", number)
            written = posts.write(rng, low, high) if number >= first else posts.write_before(rng, low, high)
            changed = np.concatenate((written, posts.deleted(rng, written)))
            changed["partition"] = network.partition[changed["author"]]
            stamp(rng, changed, low)
            calendars["posts"].put(changed)
            if number >= first:
                posts.forget(low)
                shown = pages.show(rng, posts, low, high)
                done = engage(rng, shown, posts, network, traffic.dirt)
                stamp(rng, done.follows, low)
                calendars["follows"].put(done.follows)
                arrived = arrive(rng, done.interactions, network, traffic, low, event_id)
                event_id += len(done.interactions)
                calendars["interactions"].put(arrived)
            self.hottest_post, self.hottest_views = posts.hottest_id, posts.hottest_views
            self.hottest_author = int(network.ids[posts.hottest_author])
            for topic, calendar in calendars.items():
                due = calendar.take(number)
                if due is not None:
                    yield self._batch(topic, due)
        self.left_over = calendars["interactions"].left_over

    def _batch(self, topic: str, rows: Rows) -> Batch:
        rows = ordered(rows)
        make = {
            "users": columns.users,
            "follows": columns.follows,
            "posts": columns.posts,
            "interactions": columns.interactions,
        }[topic]
        return Batch(
            topic=topic,
            rows=make(rows, self.network),
            append_ms=np.ascontiguousarray(rows["append_ms"]),
            bounds=np.searchsorted(rows["partition"], np.arange(self.traffic.partitions + 1)),
            dirt=rows["dirt"].astype(np.int64) if topic == "interactions" else np.zeros(len(rows), np.int64),
        )
