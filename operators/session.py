"""The session that each user is in: what they did since they last were away for half an hour.

State is a tile by user and minute, and of each post that a user met the latest minute. Where a session begins is
found when somebody asks: a late event may join two of them.
"""

import numpy as np
import numpy.typing as npt

from operators.key_index import KeyIndex
from operators.lifetime import FAR
from operators.session_find import count_posts, find_sessions
from operators.session_known import Known
from operators.session_runs import (
    ADD_POSTS,
    ADD_TILES,
    BATCH,
    KINDS,
    MINUTE_MS,
    NOTHING,
    POST_TYPES,
    TILE_TYPES,
    Events,
    first_key,
    minutes_of,
    post_keys,
    post_run,
    posts_of,
    slots_of,
    tile_keys,
    tile_run,
)
from operators.sorted_runs import Rows, SortedRuns, Values
from schemas.expression import SESSION_COUNTERS
from schemas.frame import Int64s

GAP_MS = 30 * MINUTE_MS
"""A session is over this long after its last event."""

OVER_MS = GAP_MS + MINUTE_MS
"""A session can't be prolonged any more when its last event lies so long before what is settled."""

_NEVER = -(1 << 31)
_FORGET_SHARE = 4
_FEW = 1024
_BLOCK = 8192


class SessionTable:
    """Sessions of users. Times are ms; a minute is `floor(at_ms / 60000)`.

    A session is over once a time `GAP_MS` after its last event is reached, by the clock or by the time as of which one
    asks. It is let go of when no event can be accepted any more that could prolong it.
    """

    def __init__(self) -> None:
        self.index = KeyIndex()
        self.posts = KeyIndex()
        self.last: Int64s = np.full(_FEW, -FAR)
        self.floor: npt.NDArray[np.int32] = np.full(_FEW, _NEVER, np.int32)
        self.tile_runs = SortedRuns(ADD_TILES, TILE_TYPES, self._needs_tiles)
        self.post_runs = SortedRuns(ADD_POSTS, POST_TYPES, self._needs_posts)
        self.clock = -FAR
        self.settled = -FAR
        self.known = self._known()
        self._told = GAP_MS - FAR
        self._waiting: list[tuple[Int64s, Int64s, npt.NDArray[np.uint8], Int64s]] = []
        self._rows = 0

    def add(self, users: Int64s, at_ms: Int64s, codes: npt.NDArray[np.integer], posts: Int64s) -> None:
        """Take in interactions: user, time, code of the type and post of each. What is given is copied."""
        kinds = KINDS[codes]
        counting = kinds != NOTHING
        if counting.all():
            self._waiting.append((users.copy(), at_ms.copy(), kinds, posts.copy()))
        else:
            self._waiting.append((users[counting], at_ms[counting], kinds[counting], posts[counting]))
        self._rows += len(users)
        if self._rows >= BATCH:
            self.group()

    def group(self) -> None:
        """Make runs of the interactions that wait."""
        if not self._waiting:
            return
        users, at_ms, kinds, posts = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting, self._rows = [], 0
        slots = self._slots(users)
        minutes = at_ms // MINUTE_MS
        counting = minutes >= self.floor[slots]
        events = Events(slots, minutes, at_ms - minutes * MINUTE_MS, kinds, self.posts.slots(posts))
        for first, bits, era in (events if counting.all() else events.take(counting)).eras():
            tiles = tile_run(era, first, bits)
            self._reach(tiles)
            self.tile_runs.add(tiles, fresh=True)
            self.post_runs.add(post_run(era, first, bits), fresh=True)

    def pass_to(self, clock: int, settled: int) -> None:
        """Let time pass: `clock` is what it has come to, `settled` the time before which no event comes any more."""
        self.clock = max(self.clock, clock)
        self.settled = max(self.settled, settled)

    def take_ended(self) -> Int64s:
        """Users whose sessions have come to their end since the last call."""
        self.group()
        ends = self.last[: self.index.size] + GAP_MS
        found = np.flatnonzero((ends > self._told) & (ends <= self.clock))
        self._told = max(self._told, self.clock)
        return self.index.keys[found]

    def ends(self, users: Int64s) -> Int64s:
        """When the session of each user came to its end, if it did by the clock; otherwise long ago."""
        self.group()
        slots = self.index.find(users)
        ends = self.last[slots] + GAP_MS
        return np.where((slots >= 0) & (ends <= self.clock), ends, -FAR)

    def counts(self, users: Int64s, as_of: Int64s) -> Int64s:
        """The `SESSION_COUNTERS` of each user as of a time that no event of the user lies after: [counters, n]."""
        self.group()
        found = np.zeros((len(SESSION_COUNTERS), len(users)), np.int64)
        slots = self.index.find(users)
        last = self.last[slots]
        live = np.flatnonzero((slots >= 0) & (last > -FAR) & (np.maximum(as_of, self.clock) < last + GAP_MS))
        for start in range(0, len(live), _BLOCK):
            block = live[start : start + _BLOCK]
            found[:, block] = self._counts(slots[block])
        return found

    def erase(self, users: Int64s, until_ms: Int64s) -> None:
        """Forget what users did up to the end of the minute of a time, whenever it is read."""
        self.group()
        slots = self._slots(users)
        np.maximum.at(self.floor, slots, (until_ms // MINUTE_MS + 1).astype(np.int32))
        self.last[slots[self.last[slots] // MINUTE_MS < self.floor[slots]]] = -FAR

    def forget(self) -> tuple[Int64s, Int64s]:
        """Let go of sessions that no event can prolong any more; returns their users and when each came to its end."""
        self.group()
        size = self.index.size
        last = self.last[:size]
        over = np.flatnonzero((last > -FAR) & (last < self.settled - OVER_MS))
        users, ends = self.index.keys[over], last[over] + GAP_MS
        last[over] = -FAR
        kept = np.flatnonzero((last > -FAR) | (self.floor[:size] > self.settled // MINUTE_MS))
        if (size - len(kept)) * _FORGET_SHARE >= max(size, _FEW):
            self._keep(kept)
        self.known = self._known()
        return users, ends

    def restore_tiles(self, users: Int64s, minutes: Int64s, values: tuple[Values, ...]) -> None:
        """Add saved tiles."""
        run = self.tile_runs.summed(Rows(tile_keys(self._slots(users), minutes), values))
        self.tile_runs.add(run, fresh=False)
        self._reach(run)

    def restore_posts(self, users: Int64s, posts: Int64s, minutes: npt.NDArray[np.int32]) -> None:
        """Add saved posts with the minute of each."""
        keys = post_keys(self._slots(users), self.posts.slots(posts))
        self.post_runs.add(self.post_runs.summed(Rows(keys, (minutes,))), fresh=False)

    def resume(self, clock: int) -> None:
        """Go on at a clock: sessions that came to their end before it are known to have done so."""
        self.clock = self._told = max(clock, self._told)
        self.known = self._known()

    def _slots(self, users: Int64s) -> Int64s:
        slots = self.index.slots(users)
        if self.index.size > len(self.last):
            more = max(self.index.size, len(self.last) * 3 // 2) - len(self.last)
            self.last = np.concatenate((self.last, np.full(more, -FAR)))
            self.floor = np.concatenate((self.floor, np.full(more, _NEVER, np.int32)))
        return slots

    def _reach(self, tiles: Rows) -> None:
        """Take note of the last event of each user of a sorted run of tiles."""
        slots = slots_of(tiles.keys)
        newest = np.flatnonzero(np.append(slots[1:] != slots[:-1], True)[: len(slots)])
        last = minutes_of(tiles.keys[newest]) * MINUTE_MS + tiles.values[4][newest]
        self.last[slots[newest]] = np.maximum(self.last[slots[newest]], last)

    def _counts(self, slots: Int64s) -> Int64s:
        """The counters of sessions that are not over, of at most `_BLOCK` users."""
        owners, tiles = self.tile_runs.between(first_key(slots), first_key(slots + 1))
        needed = self._needs_tiles(tiles)
        if not needed.all():
            owners, tiles = owners[needed], tiles.take(needed)
        sessions = find_sessions(owners, tiles, len(slots))
        settled = sessions.first_minute <= self.settled // MINUTE_MS
        self.floor[slots[settled]] = sessions.first_minute[settled]
        owners, posts = self.post_runs.between(first_key(slots), first_key(slots + 1))
        distinct = count_posts(slots, owners, posts, sessions.first_minute)
        counts = (sessions.events, sessions.impressions, sessions.engagements, distinct)
        return np.stack((*counts, self.last[slots] - sessions.first_ms))

    def _needs_tiles(self, rows: Rows) -> npt.NDArray[np.bool_]:
        return self._needs(slots_of(rows.keys), minutes_of(rows.keys))

    def _needs_posts(self, rows: Rows) -> npt.NDArray[np.bool_]:
        return self._needs(slots_of(rows.keys), rows.values[0])

    def _needs(self, slots: Int64s, minutes: Values) -> npt.NDArray[np.bool_]:
        needed: npt.NDArray[np.bool_] = (self.last[slots] >= self.settled - OVER_MS) & (
            minutes >= self.floor[slots]
        )
        return needed

    def _known(self) -> Known:
        return Known(self.index.copy(), self.last, self.floor, self.settled - OVER_MS, self.index.size)

    def _keep(self, kept: Int64s) -> None:
        """Keep only the users `kept` (ascending), and the posts that they met."""
        used = np.zeros(self.posts.size, np.bool_)

        def mark(rows: Rows) -> Rows:
            used[posts_of(rows.keys)] = True
            return rows

        self.post_runs.rewrite(mark)
        users, posts = _places(len(self.last), kept), _places(len(used), np.flatnonzero(used))
        self.tile_runs.rewrite(
            lambda rows: Rows(tile_keys(users[slots_of(rows.keys)], minutes_of(rows.keys)), rows.values)
        )
        self.post_runs.rewrite(
            lambda rows: Rows(post_keys(users[slots_of(rows.keys)], posts[posts_of(rows.keys)]), rows.values)
        )
        self.index.keep(kept)
        self.posts.keep(np.flatnonzero(used))
        room = np.full(max(len(kept), _FEW) - len(kept), -FAR)
        self.last = np.concatenate((self.last[kept], room))
        self.floor = np.concatenate((self.floor[kept], np.full(len(room), _NEVER, np.int32)))


def _places(size: int, kept: Int64s) -> Int64s:
    """Where each of `size` slots is once only `kept` are there, -1 for the others."""
    places = np.full(size, -1)
    places[kept] = np.arange(len(kept))
    return places
