"""Which of many posts a user has been shown in the last days."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.bloom import BYTES, Bitmaps, contains
from schemas.constants import SEEN_DAYS
from schemas.frame import Int64s
from schemas.keys import key

LAYOUT = (1).to_bytes(2, "little")


def read_filters(client: Any, user: int, today: int, prefix: str = "") -> Bitmaps:
    """The seen filters of a user, uint8[days, 512], in one round trip: of `today`, a day since 1970, and those before.

    `client` is a redis-py client that returns bytes.
    """
    days = range(today - SEEN_DAYS, today + 1)
    return decode(client.mget([key("seen", prefix, user=user, day=day) for day in days]))


def decode(values: Sequence[bytes | None]) -> Bitmaps:
    """The filters in values of `seen` keys, uint8[n, 512]; missing ones and those of unknown layout are left out.

    >>> decode([None, LAYOUT + bytes(512), bytes(514)]).shape
    (1, 512)
    """
    known = [
        value[len(LAYOUT) :]
        for value in values
        if value is not None and value.startswith(LAYOUT) and len(value) == len(LAYOUT) + BYTES
    ]
    return np.frombuffer(b"".join(known), np.uint8).reshape(-1, BYTES)


def seen(filters: Bitmaps, post_ids: Int64s) -> npt.NDArray[np.bool_]:
    """Whether each post was shown, bool[n]; seldom also true of one that was not."""
    return contains(filters, post_ids)
