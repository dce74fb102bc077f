"""The rows that a simulation makes, before they become records: one compact table type for each topic."""

from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.records import enum_symbols

Rows = npt.NDArray[np.void]
"""A structured array of one of the types below."""

TYPES: Final = {word: code for code, word in enumerate(enum_symbols("Interaction", "type"))}
"""The code of each interaction type."""
CREATE, DELETE = (enum_symbols("Post", "op").index(word) for word in ("create", "delete"))
FOLLOW, UNFOLLOW = (enum_symbols("Follow", "op").index(word) for word in ("follow", "unfollow"))

CONTENT_TYPES: Final = ("text", "image", "video", "link", "poll")
CONTENT_SHARES: Final = (0.34, 0.3, 0.2, 0.13, 0.03)
SURFACES: Final = ("home", "discover", "profile", "search")
SURFACE_SHARES: Final = (0.76, 0.16, 0.05, 0.03)
POLICY_LABELS: Final = ("nsfw", "misinformation", "spam")

CLEAN, REPEATED, REPEAT, LATE, FUTURE, MISPLACED = range(6)
"""What is wrong with an interaction; `REPEATED` is the original of a repeat and itself clean."""

INTERACTION: Final = np.dtype(
    [
        ("event_id", np.int64),
        ("at_ms", np.int64),
        ("append_ms", np.int64),
        ("post_id", np.int64),
        ("request_id", np.int64),  # 0: none
        ("user", np.int32),  # account
        ("author", np.int32),  # account
        ("partition", np.int32),
        ("dwell_ms", np.int32),  # negative: none
        ("position", np.int16),  # 0: none
        ("type", np.int8),
        ("content", np.int8),  # index into CONTENT_TYPES
        ("surface", np.int8),  # index into SURFACES
        ("region", np.int8),  # index into REGIONS; negative: none
        ("dirt", np.int8),
    ]
)
POST: Final = np.dtype(
    [
        ("at_ms", np.int64),
        ("append_ms", np.int64),
        ("post_id", np.int64),
        ("reply_to", np.int64),  # 0: none
        ("heat", np.float64),  # how much of the popularity it takes
        ("appeal", np.float64),  # factor on clicks and other labels
        ("author", np.int32),  # account
        ("partition", np.int32),
        ("text_length", np.int32),
        ("topics", np.uint16),  # mask over TOPICS
        ("labels", np.uint8),  # mask over POLICY_LABELS
        ("content", np.int8),
        ("op", np.int8),
    ]
)
FOLLOWING: Final = np.dtype(
    [
        ("at_ms", np.int64),
        ("append_ms", np.int64),
        ("follower", np.int32),  # account
        ("author", np.int32),  # account
        ("partition", np.int32),
        ("weight", np.float32),
        ("op", np.int8),
    ]
)
ACCOUNT: Final = np.dtype(
    [
        ("at_ms", np.int64),
        ("append_ms", np.int64),
        ("created_ms", np.int64),
        ("user", np.int32),
        ("partition", np.int32),
    ]
)


def ordered(rows: Rows) -> Rows:
    """The rows by partition, then arrival, then as they came: the order in which they are written."""
    if not len(rows):
        return rows
    since = rows["append_ms"] - rows["append_ms"].min()
    row_bits, time_bits = len(rows).bit_length(), int(since.max()).bit_length()
    place = (rows["partition"].astype(np.int64) << time_bits | since) << row_bits | np.arange(len(rows))
    place.sort()
    in_order: Rows = rows[place & ((1 << row_bits) - 1)]
    return in_order
