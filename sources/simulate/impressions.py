"""What is shown: requests by minute, pages of posts, who sees them and at which position."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.frame import Int64s
from sources.simulate.curve import Curve
from sources.simulate.events import INTERACTION, SURFACE_SHARES, TYPES, Rows
from sources.simulate.network import Network
from sources.simulate.popularity import spread_weight
from sources.simulate.posting import Posts
from sources.simulate.quantiles import Floats
from sources.simulate.streams import stream
from sources.simulate.traffic import MINUTE, Traffic

SITTING: Final = 5 * MINUTE
"""The same people are reading for this long; each of them makes about `REQUESTS_A_SITTING` requests."""
REQUESTS_A_SITTING: Final = 4
NODES: Final = 24
"""Front-end instances that hand out request ids."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Impressions of a slice, by request and position, and what is not part of the record."""

    rows: Rows
    appeal: Floats
    """The post's factor on clicks, and on all other labels."""
    match: npt.NDArray[np.bool_]
    """The user is interested in a topic of the post."""
    discovered: npt.NDArray[np.bool_]
    """Shown for its popularity."""
    age_ms: Int64s
    """Since the post was written."""


class Pages:
    """Makes the impressions of slice after slice."""

    def __init__(self, traffic: Traffic, network: Network, curve: Curve) -> None:
        self._traffic, self._network, self._curve = traffic, network, curve
        self._requests = traffic.interactions / traffic.per_request
        self._audiences: dict[int, Int64s] = {}

    def show(self, rng: np.random.Generator, posts: Posts, low_ms: int, high_ms: int) -> Shown:
        """The impressions of the requests of [low_ms, high_ms)."""
        traffic, network = self._traffic, self._network
        served = self._served(rng, low_ms, high_ms)
        reader = self._readers(rng, served)
        length = rng.integers(max(1, traffic.page // 3), traffic.page + 1, len(served))
        request = np.repeat(np.arange(len(served)), length)
        first = np.cumsum(length) - length
        slot = np.arange(len(request)) - first[request]
        scroll = np.exp(rng.normal(np.log(900), 0.5, len(served)))
        at = served[request] + 150 + (slot * scroll[request]).astype(np.int64)
        user = reader[request]
        serial, discovered = self._choose(rng, posts, user, at, low_ms, high_ms)
        if posts.story >= 0:
            has = rng.random(len(served)) < self._curve.hottest[self._curve.minute(served)]
            spot = (first + (rng.random(len(served)) * length).astype(np.int64))[has]
            serial[spot], discovered[spot] = posts.story, True
        kept = _first_on_page(request, slot, serial)
        request, serial, user, at = request[kept], serial[kept], user[kept], at[kept]
        place = np.cumsum(kept)
        before = np.concatenate((np.zeros(1, np.int64), place))[first]
        position = place[kept] - before[request]
        posts.viewed(serial)
        rows = np.zeros(len(serial), INTERACTION)
        post = posts[serial]
        surface = np.searchsorted(np.cumsum(SURFACE_SHARES)[:-1], rng.random(len(served)), side="right")
        rows["type"] = TYPES["impression"]
        rows["at_ms"] = at
        rows["post_id"] = post["post_id"]
        rows["request_id"] = request_ids(served, rng.integers(0, NODES, len(served)))[request]
        rows["user"] = user
        rows["author"] = post["author"]
        rows["partition"] = network.partition[user]
        rows["dwell_ms"] = -1
        rows["position"] = position
        rows["content"] = post["content"]
        rows["surface"] = surface[request]
        rows["region"] = network.region[user]
        return Shown(
            rows=rows,
            appeal=post["appeal"],
            match=network.interests[user] & post["topics"] != 0,
            discovered=discovered[kept],
            age_ms=at - post["at_ms"],
        )

    def _served(self, rng: np.random.Generator, low_ms: int, high_ms: int) -> Int64s:
        """The times of the requests, in order."""
        expected = self._curve.part(self._curve.requests, low_ms, high_ms) * self._requests
        made = rng.poisson(expected)
        length = min(MINUTE, high_ms - low_ms)
        starts = np.repeat(low_ms + np.arange(len(made)) * length, made)
        return np.sort(starts + rng.integers(0, length, len(starts)))

    def _readers(self, rng: np.random.Generator, served: Int64s) -> Int64s:
        """Who makes each request: somebody out of those who are reading at that time."""
        sitting = served // SITTING
        reader = np.zeros(len(served), np.int64)
        for number in np.unique(sitting).tolist():
            here = sitting == number
            audience = self._audience(number)
            reader[here] = audience[rng.integers(0, len(audience), int(np.count_nonzero(here)))]
        return reader

    def _audience(self, sitting: int) -> Int64s:
        if sitting not in self._audiences:
            rng = stream(self._traffic.seed, "audience", sitting)
            low = max(sitting * SITTING, self._traffic.start_ms)
            high = min((sitting + 1) * SITTING, self._traffic.end_ms)
            requests = float(self._curve.part(self._curve.requests, low, high).sum()) * self._requests
            count = max(3, round(requests / REQUESTS_A_SITTING))
            self._audiences = {
                number: who for number, who in self._audiences.items() if number >= sitting - 2
            }
            self._audiences[sitting] = np.searchsorted(self._network.reading, rng.random(count), side="right")
        return self._audiences[sitting]

    def _choose(
        self, rng: np.random.Generator, posts: Posts, user: Int64s, at: Int64s, low_ms: int, high_ms: int
    ) -> tuple[Int64s, npt.NDArray[np.bool_]]:
        """The post shown by each impression, and whether it was chosen for its popularity."""
        network = self._network
        discovered = rng.random(len(user)) >= self._traffic.followed
        serial = np.full(len(user), -1, np.int64)
        follows = network.starts[user + 1] - network.starts[user]
        ask = np.flatnonzero(~discovered & (follows > 0))
        edge = network.starts[user[ask]] + (rng.random(len(ask)) * follows[ask]).astype(np.int64)
        back = rng.geometric(0.6, len(ask)) - 1
        serial[ask] = posts.of_author(network.authors[edge].astype(np.int64), back, at[ask])
        rest = np.flatnonzero(serial < 0)
        serial[rest] = _popular(rng, posts, at[rest], low_ms, high_ms)
        return serial, discovered


def _popular(rng: np.random.Generator, posts: Posts, at: Int64s, low_ms: int, high_ms: int) -> Int64s:
    """Posts for anyone, by heat and age as of the minute before each time."""
    starts = np.arange(low_ms, high_ms, MINUTE)
    table = posts[posts.popular]
    weight = spread_weight(table["heat"], (starts[:, None] - table["at_ms"]).astype(np.float64))
    shares = np.cumsum(weight, axis=1)
    shares /= shares[:, -1:]
    step = np.minimum((at - low_ms) // MINUTE, len(starts) - 1)
    flat = (shares + np.arange(len(starts))[:, None]).ravel()
    place = np.searchsorted(flat, step + rng.random(len(at)), side="right")
    last = step * len(table) + len(table) - 1
    chosen: Int64s = posts.popular[np.minimum(place, last) % len(table)]
    return chosen


def _first_on_page(request: Int64s, slot: Int64s, serial: Int64s) -> npt.NDArray[np.bool_]:
    """Which impressions are the first of their post in their request: a page shows a post once."""
    base = int(serial.min(initial=0))
    key = request << 40 | (serial - base) << 8 | slot
    key.sort()
    again = np.flatnonzero(key[1:] >> 8 == key[:-1] >> 8) + 1
    kept = np.ones(len(request), np.bool_)
    first = np.searchsorted(request, key[again] >> 40, side="left")
    kept[first + (key[again] & 255)] = False
    return kept


def request_ids(served_ms: Int64s, node: Int64s) -> Int64s:
    """`ms << 21 | node << 11 | counter`: the counter tells requests of one node and millisecond apart.

    >>> request_ids(np.array([5, 5, 6]), np.array([1, 1, 1])).tolist()
    [10487808, 10487809, 12584960]
    """
    prefix = served_ms << 10 | node
    order = np.argsort(prefix, kind="stable")
    by_prefix = prefix[order]
    counter = np.empty(len(prefix), np.int64)
    counter[order] = np.arange(len(prefix)) - np.searchsorted(by_prefix, by_prefix, side="left")
    return prefix << 11 | counter & 2047
