"""Events as runs of session state: tiles by user and minute, and the latest minute in which a user met each post.

Users and posts are slots below 2^28. The key of a tile is `user << 32 | minute + 2^31`, that of a post
`user << 32 | post`. All that matters of an event fits into 63 bits, so that one sort of plain numbers groups a batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from operators.kernels import kernels
from operators.measures import ENGAGEMENTS, PLAIN, TYPES
from operators.sorted_runs import Rows
from schemas.frame import Int64s

MINUTE_MS = 60_000

BATCH = 1 << 18
"""So many events make a run."""

OTHER, IMPRESSION, ENGAGEMENT, NOTHING = range(4)
"""What an interaction is to a session."""

ADD_TILES = (np.add, np.add, np.add, np.minimum, np.maximum)
"""How events, impressions, engagements, the first and the last event in ms within the minute add up."""

ADD_POSTS = (np.maximum,)
"""How minutes of posts add up."""

TILE_TYPES = (np.uint32, np.uint32, np.uint32, np.uint16, np.uint16)
POST_TYPES = (np.int32,)

_SLOT_SHIFT = 32
_LOW = (1 << _SLOT_SHIFT) - 1
_BIAS = 1 << 31
_OFFSET_BITS = 16


def _kinds() -> npt.NDArray[np.uint8]:
    """Those that take something back are nothing."""
    kinds = np.full(256, NOTHING, np.uint8)
    kinds[: len(TYPES) + 1] = OTHER  # mute comes after the types that have counters
    kinds[TYPES.index("impression")] = IMPRESSION
    kinds[[PLAIN[name] for name in ENGAGEMENTS]] = ENGAGEMENT
    return kinds


KINDS = _kinds()
"""What each type of interaction is to a session, by its code."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one batch, an entry each: the user's slot, the minute, the ms within it, the kind, the post's slot."""

    slots: Int64s
    minutes: Int64s
    offsets: Int64s
    kinds: npt.NDArray[np.uint8]
    posts: Int64s

    def take(self, where: npt.NDArray[np.bool_]) -> "Events":
        """Some of them."""
        return Events(
            self.slots[where], self.minutes[where], self.offsets[where], self.kinds[where], self.posts[where]
        )

    def eras(self) -> Iterator[tuple[int, int, "Events"]]:
        """Events whose minutes fit into a few bits, counted from a minute; nearly always all of them.

        Gives that minute, the number of bits, and the events.
        """
        if not len(self.minutes):
            return
        bits = (
            63
            - int(self.slots.max()).bit_length()
            - max(int(self.posts.max()).bit_length(), _OFFSET_BITS + 2)
        )
        first, last = int(self.minutes.min()), int(self.minutes.max())
        if not (last - first) >> bits:
            yield first, (last - first).bit_length(), self
            return
        numbers = self.minutes >> bits
        for number in np.unique(numbers).tolist():
            yield number << bits, bits, self.take(numbers == number)


def first_key(slots: Int64s) -> Int64s:
    """The lowest key that a tile or post of each user may have."""
    return slots << _SLOT_SHIFT


def tile_keys(slots: Int64s, minutes: Int64s) -> Int64s:
    """The keys of tiles."""
    keys: Int64s = first_key(slots) | (minutes + _BIAS)
    return keys


def post_keys(slots: Int64s, posts: Int64s) -> Int64s:
    """The keys of posts that users met, both as slots."""
    keys: Int64s = first_key(slots) | posts
    return keys


def slots_of(keys: Int64s) -> Int64s:
    """The user of each tile or post."""
    return keys >> _SLOT_SHIFT


def minutes_of(tiles: Int64s) -> Int64s:
    """The minute of each tile."""
    return (tiles & _LOW) - _BIAS


def posts_of(keys: Int64s) -> Int64s:
    """The slot of each post."""
    return keys & _LOW


def tile_run(events: Events, first: int, bits: int) -> Rows:
    """The tiles of events, whose minutes less `first` have at most `bits` bits, as a sorted run."""
    cells = (events.slots << bits) | (events.minutes - first)
    packed = kernels().sort((cells << (_OFFSET_BITS + 2)) | (events.offsets << 2) | events.kinds)
    cells = packed >> (_OFFSET_BITS + 2)
    starts = np.flatnonzero(np.concatenate(([True], cells[1:] != cells[:-1])))
    ends = np.append(starts[1:], len(cells))
    kinds = (packed & 3).astype(np.uint8)
    values = (
        (ends - starts).astype(np.uint32),
        np.add.reduceat(kinds == IMPRESSION, starts, dtype=np.uint32),
        np.add.reduceat(kinds == ENGAGEMENT, starts, dtype=np.uint32),
        (packed[starts] >> 2).astype(np.uint16),
        (packed[ends - 1] >> 2).astype(np.uint16),
    )
    cells = cells[starts]
    return Rows(tile_keys(cells >> bits, (cells & ((1 << bits) - 1)) + first), values)


def post_run(events: Events, first: int, bits: int) -> Rows:
    """The posts of events, whose minutes less `first` have at most `bits` bits, as a sorted run."""
    post_bits = int(events.posts.max()).bit_length()
    packed = (events.slots << (post_bits + bits)) | (events.posts << bits) | (events.minutes - first)
    packed = kernels().sort(packed)
    pairs = packed >> bits
    ends = np.flatnonzero(np.concatenate((pairs[1:] != pairs[:-1], [True])))
    pairs = pairs[ends]
    keys = post_keys(pairs >> post_bits, pairs & ((1 << post_bits) - 1))
    return Rows(keys, (((packed[ends] & ((1 << bits) - 1)) + first).astype(np.int32),))
