"""Who saw what on one UTC day: a bitmap a user, by dense slots."""

import numpy as np
import numpy.typing as npt

from operators.bloom import BYTES, Bitmaps, Int32s
from operators.kernels import kernels
from operators.key_index import KeyIndex
from schemas.frame import Int64s

_FIRST_SLOTS = 1024


class SeenDay:
    """Bitmaps by user: `bits` is uint8[slots, 512], `due` says whose wait to be written.

    >>> day = SeenDay()
    >>> day.add(np.array([7, 7]), np.array([5, 5 | 8 << 12], np.int32), np.array([900, 800], np.int32))
    >>> users, bits = day.take_due()
    >>> users.tolist(), bits[0, :5].tolist()
    ([7], [4, 4, 4, 4, 0])
    """

    def __init__(self) -> None:
        self.index = KeyIndex()
        self.bits: Bitmaps = np.zeros((_FIRST_SLOTS, BYTES), np.uint8)
        self.due: npt.NDArray[np.bool_] = np.zeros(_FIRST_SLOTS, np.bool_)
        self.last_ms: Int32s = np.zeros(_FIRST_SLOTS, np.int32)

    def add(self, users: Int64s, marked: Int32s, ms: Int32s, due: bool = True) -> None:
        """Set the bits of posts seen at some times of the day; with `due`, who got a new bit waits to be written."""
        slots = self.index.slots(users)
        self._reserve()
        np.maximum.at(self.last_ms, slots, ms)
        changed = self.due if due else np.zeros(self.index.size, np.bool_)
        kernels().set_bits(self.bits.reshape(-1), slots, marked, changed)

    def clear(self, users: Int64s) -> None:
        """Let nothing be left of users."""
        slots = self.index.find(users)
        slots = slots[slots >= 0]
        self.bits[slots] = 0
        self.due[slots] = False
        self.last_ms[slots] = 0

    def latest(self, users: Int64s) -> Int32s:
        """The time of the day at which each saw something last, ms; -1 for those who saw nothing."""
        slots = self.index.find(users)
        return np.where(slots >= 0, self.last_ms[slots], np.int32(-1))

    def write_again(self) -> None:
        """Let all bitmaps wait to be written that have a bit set."""
        self.due[: self.index.size] = self.bits[: self.index.size].any(axis=1)

    def wait(self, users: Int64s) -> None:
        """Let the bitmaps of these users wait to be written, as far as there are any."""
        slots = self.index.find(users)
        self.due[slots[slots >= 0]] = True

    def waiting(self) -> Int64s:
        """The users who wait to be written."""
        return self.index.keys[np.flatnonzero(self.due)]

    def take_due(self) -> tuple[Int64s, Bitmaps]:
        """The users who wait to be written, int64[n], with their bitmaps, uint8[n, 512]."""
        slots = np.flatnonzero(self.due)
        self.due[slots] = False
        return self.index.keys[slots], self.bits[slots]

    def _reserve(self) -> None:
        """Room for all slots; grown in place where the system can, without copying what is there."""
        if self.index.size > len(self.due):
            room = max(self.index.size, len(self.due) * 5 // 4)
            self.bits.resize((room, BYTES), refcheck=False)
            self.due.resize(room, refcheck=False)
            self.last_ms.resize(room, refcheck=False)


def bitmaps(users: Int64s, marked: Int32s) -> tuple[Int64s, Bitmaps]:
    """Users in order, each once, with the bitmaps of their marks; `users` must be in order."""
    starts = np.flatnonzero(np.append(True, users[1:] != users[:-1])) if len(users) else users
    slots = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(users))))
    bits = np.zeros((len(starts), BYTES), np.uint8)
    kernels().set_bits(bits.reshape(-1), slots, marked, np.zeros(len(starts), np.bool_))
    return users[starts], bits
