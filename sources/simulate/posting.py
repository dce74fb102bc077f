"""What is posted: authors by activity, popularity by a power law, and the posts that can still be seen."""

from typing import Final

import numpy as np

from schemas.frame import Int64s
from sources.simulate.curve import Curve
from sources.simulate.events import (
    CONTENT_SHARES,
    CONTENT_TYPES,
    CREATE,
    DELETE,
    POLICY_LABELS,
    POST,
    Rows,
)
from sources.simulate.network import Network, topic_masks
from sources.simulate.popularity import Popularity
from sources.simulate.traffic import DAY, HOUR, MINUTE, Traffic

KEPT_MS: Final = 2 * DAY
"""How long a post can be seen; older ones are forgotten here."""
NEWEST: Final = 8
"""Posts of an author that followers can meet."""
DELETED: Final = 0.01
REPLIES: Final = 0.25


class Posts:
    """The posts that can be seen, by serial number (0, 1, ... in order of time)."""

    def __init__(self, traffic: Traffic, network: Network, curve: Curve) -> None:
        per_hour = traffic.expected_posts / (traffic.minutes / 60)
        self._traffic, self._network, self._curve = traffic, network, curve
        self._capacity = 1 << int(np.ceil(np.log2(per_hour * 3 * KEPT_MS / HOUR + 4096)))
        self._table = np.zeros(self._capacity, POST)
        self._newest = np.zeros((len(network), NEWEST), np.int32)
        self._written = np.zeros(len(network), np.int32)
        self._popularity = Popularity.of(traffic)
        self._views = np.zeros(self._capacity, np.int64)
        self.count = 0
        self.popular: Int64s = np.zeros(0, np.int64)
        """Serial numbers of the posts that anyone may be shown."""
        self.story = -1
        """Serial number of the post that the greatest burst is about, once it is written."""
        self.hottest_id, self.hottest_author, self.hottest_views = 0, 0, 0
        """The post with the most views so far, and the account that wrote it."""

    def __getitem__(self, serials: Int64s) -> Rows:
        return self._table[serials % self._capacity]

    def at_ms(self, serials: Int64s) -> Int64s:
        """When these posts were written."""
        return self._table["at_ms"][serials % self._capacity]

    def write(self, rng: np.random.Generator, low_ms: int, high_ms: int) -> Rows:
        """The posts of [low_ms, high_ms), which can be seen from then on."""
        expected = self._curve.part(self._curve.posts, low_ms, high_ms)
        made = rng.poisson(expected * self._traffic.expected_posts)
        length = min(MINUTE, high_ms - low_ms)
        starts = low_ms + np.arange(len(made)) * length
        at = np.sort(np.repeat(starts, made) + rng.integers(0, length, int(made.sum())))
        story = self._curve.start_ms + self._curve.story * MINUTE
        if low_ms <= story < high_ms:
            at = np.insert(at, np.searchsorted(at, story), story)
            self.story = self.count + int(np.searchsorted(at, story))
        return self._add(rng, at)

    def write_before(self, rng: np.random.Generator, low_ms: int, high_ms: int) -> Rows:
        """The posts of a time before the simulation, evenly spread: at least sixteen, so none is lonely."""
        share = (high_ms - low_ms) / (self._traffic.minutes * MINUTE)
        wanted = max(16, rng.poisson(self._traffic.expected_posts * share))
        return self._add(rng, np.sort(rng.integers(low_ms, high_ms, wanted)))

    def viewed(self, serials: Int64s) -> None:
        """Count the views of these posts."""
        if not len(serials):
            return
        place = serials % self._capacity
        np.add.at(self._views, place, np.ones(len(place), np.int64))
        most = int(place[np.argmax(self._views[place])])
        if self._views[most] > self.hottest_views:
            self.hottest_id, self.hottest_views = int(self._table["post_id"][most]), int(self._views[most])
            self.hottest_author = int(self._table["author"][most])

    def deleted(self, rng: np.random.Generator, written: Rows) -> Rows:
        """The deletion of some of these posts, minutes to a day after they were written."""
        gone = written[rng.random(len(written)) < DELETED].copy()
        gone["op"] = DELETE
        gone["at_ms"] += np.exp(rng.uniform(np.log(MINUTE), np.log(DAY), len(gone))).astype(np.int64)
        return gone

    def of_author(self, author: Int64s, back: Int64s, at_ms: Int64s) -> Int64s:
        """Serial of each author's post that was the newest at that time, or `back` posts before it.

        -1 where the author had none, or it is forgotten.
        """
        back = back.copy()
        serial = np.full(len(author), -1, dtype=np.int64)
        open_ = np.arange(len(author))
        for _ in range(NEWEST):
            who, step = author[open_], back[open_]
            written = self._written[who]
            known = step < np.minimum(written, NEWEST)
            open_, who, step, written = open_[known], who[known], step[known], written[known]
            found = self._newest[who, (written - 1 - step) % NEWEST].astype(np.int64)
            posted = self.at_ms(found)
            fits = (posted <= at_ms[open_]) & (posted > at_ms[open_] - KEPT_MS)
            serial[open_[fits]] = found[fits]
            open_ = open_[posted > at_ms[open_]]
            if not len(open_):
                break
            back[open_] += 1
        return serial

    def any_before(self, rng: np.random.Generator, at_ms: Int64s) -> Int64s:
        """Some post that was there at each time, of the last few thousand."""
        serial = rng.integers(max(0, self.count - 20_000), self.count, len(at_ms))
        return np.where(self.at_ms(serial) <= at_ms, serial, self.popular[0])

    def forget(self, now_ms: int) -> None:
        """Let popular posts go that nobody sees any more; a few always stay."""
        old = self.at_ms(self.popular[:-16]) <= now_ms - KEPT_MS
        self.popular = self.popular[int(np.count_nonzero(old)) :]

    def _add(self, rng: np.random.Generator, at_ms: Int64s) -> Rows:
        count = len(at_ms)
        serial = self.count + np.arange(count)
        rows = np.zeros(count, POST)
        rows["op"] = CREATE
        rows["at_ms"] = at_ms
        rows["post_id"] = at_ms << 21 | serial & ((1 << 21) - 1)
        rows["author"] = np.searchsorted(self._network.posting, rng.random(count), side="right")
        rows["content"] = np.searchsorted(np.cumsum(CONTENT_SHARES)[:-1], rng.random(count), side="right")
        rows["topics"] = topic_masks(rng, count, 2)
        rows["text_length"] = np.minimum(np.exp(rng.normal(4.6, 0.9, count)), 5_000)
        rows["labels"] = np.where(
            rng.random(count) < 0.01, 1 << rng.integers(0, len(POLICY_LABELS), count), 0
        )
        rows["appeal"] = np.exp(rng.normal(0.0, 0.5, count))
        rows["heat"] = self._popularity.heat(rng, count)
        reply = (rng.random(count) < REPLIES) & (serial > 0)
        target = serial - 1 - np.minimum(rng.integers(0, 1_000, count), serial - 1)
        story = self.story - self.count
        if 0 <= story < count:
            rows["content"][story] = CONTENT_TYPES.index("video")
            rows["author"][story] = self._story_author()
        self._table[serial % self._capacity] = rows
        rows["reply_to"][reply] = self[target[reply]]["post_id"]
        self._views[serial % self._capacity] = 0
        spreads = self._popularity.spreads(rng, count)
        if self.count == 0:
            spreads[:16] = True
        self._remember(rows["author"], serial)
        self.popular = np.concatenate((self.popular, serial[spreads]))
        self.count += count
        return rows

    def _story_author(self) -> int:
        """An account at the 95th percentile of followers: a story can begin anywhere but nowhere."""
        return int(np.argsort(self._network.followers, kind="stable")[int(0.95 * len(self._network))])

    def _remember(self, author: Int64s, serial: Int64s) -> None:
        """Put the new posts into the rings of their authors, in order."""
        order = np.argsort(author, kind="stable")
        by_author = author[order]
        first = np.searchsorted(by_author, by_author, side="left")
        place = self._written[by_author] + np.arange(len(order)) - first
        self._newest[by_author, place % NEWEST] = serial[order]
        np.add.at(self._written, author, np.ones(len(author), self._written.dtype))
