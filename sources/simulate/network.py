"""The simulated accounts and who follows whom."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.frame import Int64s
from schemas.partitioner import partition_of
from sources.simulate.quantiles import Floats, Quantiles
from sources.simulate.streams import stream
from sources.simulate.traffic import Traffic

REGIONS: Final = ("us", "in", "br", "jp", "gb", "de", "fr", "mx", "id", "ng")
LANGUAGES: Final = ("en", "hi", "pt", "ja", "en", "de", "fr", "es", "id", "en")
"""The language spoken in each region."""
REGION_SHARES: Final = (0.26, 0.18, 0.12, 0.1, 0.08, 0.07, 0.06, 0.05, 0.05, 0.03)

TOPICS: Final = (
    "art", "books", "business", "cars", "fashion", "film", "food", "games",
    "health", "music", "news", "politics", "science", "sports", "tech", "travel",
)  # fmt: skip
"""What accounts are interested in and posts are about; a set of topics is a 16-bit mask."""

MOST_FOLLOWERS: Final = 0.2
"""The most followed account has at most this share of all accounts as followers."""

Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Network:
    """Accounts 0..n-1 in columns; `authors[starts[u]:starts[u + 1]]` are the accounts that `u` follows."""

    ids: Int64s
    """The user id of each account."""
    partition: Int32s
    """The partition of each user id."""
    starts: Int64s
    authors: Int32s
    followers: Int32s
    """How many follow each account."""
    region: npt.NDArray[np.int8]
    """Index into `REGIONS`."""
    interests: npt.NDArray[np.uint16]
    """Mask over `TOPICS`."""
    coarse_clock: npt.NDArray[np.bool_]
    reading: Floats
    """Cumulative share of the requests by account."""
    posting: Floats
    """Cumulative share of the posts by account."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def followings(self) -> Int64s:
        """How many accounts each account follows."""
        return np.diff(self.starts)


def follower_counts(users: int) -> Floats:
    """How many followers the least to the most followed account of a network want to have.

    The mean is 10 to 15, the 99th percentile about 145; above that a power law, so that the maximum grows
    with the network: a fifth of it in small networks and still at ten million accounts.
    """
    top = range(4, 9)
    shares = [0, 0.5, 0.9, 0.99, 0.999, *(1 - 10.0**-decade for decade in top), 1]
    counts = [0.3, 2.2, 24, 145, 500, *(500 * 10 ** (0.9 * (decade - 3)) for decade in top)]
    wanted = Quantiles(shares, [*counts, counts[-1]]).at((np.arange(users) + 0.5) / users)
    return np.minimum(wanted, max(1.0, MOST_FOLLOWERS * users))


def make_network(traffic: Traffic) -> Network:
    """The network of a simulation: memory and time grow with the number of follows, 10 to 15 by account."""
    rng = stream(traffic.seed, "network")
    users = traffic.users
    wanted = rng.permutation(follower_counts(users))
    appetite = np.exp(rng.normal(0.0, 1.1, users)) * (1 + wanted) ** 0.3
    author, follower = _edges(rng, np.floor(wanted + rng.random(users)).astype(np.int64), appetite)
    followers = np.bincount(author, minlength=users)
    followings = np.bincount(follower, minlength=users)
    edges = np.sort(follower * users + author)
    reading = np.exp(rng.normal(0.0, 1.0, users)) * (1 + followings) ** 0.3
    ids = _ids(rng, users, traffic.dirt.odd_ids)
    return Network(
        ids=ids,
        partition=partition_of(ids, traffic.partitions),
        starts=np.concatenate(([0], np.cumsum(followings))),
        authors=(edges % users).astype(np.int32),
        followers=followers.astype(np.int32),
        region=np.searchsorted(np.cumsum(REGION_SHARES), rng.random(users) * sum(REGION_SHARES)).astype(
            np.int8
        ),
        interests=topic_masks(rng, users, 3),
        coarse_clock=rng.random(users) < traffic.dirt.coarse_clocks,
        reading=_cumulative(reading),
        posting=_cumulative((1.0 + followers + followings).astype(np.float64) ** 0.8),
    )


def topic_masks(rng: np.random.Generator, count: int, draws: int) -> npt.NDArray[np.uint16]:
    """Masks of one to `draws` topics each."""
    picked = rng.integers(0, len(TOPICS), (count, draws))
    masks: npt.NDArray[np.uint16] = np.bitwise_or.reduce(np.uint16(1) << picked.astype(np.uint16), axis=1)
    return masks


def _edges(rng: np.random.Generator, wanted: Int64s, appetite: Floats) -> tuple[Int64s, Int64s]:
    """Author and follower of every follow, each once, none of oneself.

    Followers are drawn by appetite: with replacement for most authors, doubles then dropped; without for
    the few authors that a good part of the network follows.
    """
    users = len(wanted)
    large = np.flatnonzero(wanted > users / 50)
    small = wanted.copy()
    small[large] = 0
    author = np.repeat(np.arange(users), small)
    follower = np.searchsorted(_cumulative(appetite), rng.random(len(author)), side="right")
    keys = [author * users + follower]
    for one in large:
        first = rng.exponential(size=users) / appetite
        chosen = np.argpartition(first, wanted[one])[: wanted[one]]
        keys.append(one * users + chosen)
    key = np.sort(np.concatenate(keys))
    author, follower = np.divmod(key[np.diff(key, prepend=-1) > 0], users)
    others = author != follower
    return author[others], follower[others]


def _ids(rng: np.random.Generator, users: int, odd: float) -> Int64s:
    """User ids 1..n; where odd ids are wanted, that share is negative and one is zero."""
    ids = np.arange(1, users + 1, dtype=np.int64)
    ids[rng.random(users) < odd] *= -1
    if odd:
        ids[rng.integers(users)] = 0
    return ids


def _cumulative(weights: Floats) -> Floats:
    """Cumulative shares; the last is 1."""
    shares: Floats = np.cumsum(weights)
    shares /= shares[-1]
    return shares
