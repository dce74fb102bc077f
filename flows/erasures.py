"""Null values on the topic of users: whom to forget."""

from collections.abc import Sequence

import numpy as np

from schemas import reasons
from schemas.frame import DeadLetters, Erasure, RawBatch
from schemas.partitioner import partition_of

TOPIC = "users"
KEY_BYTES = 8


def erasures(batch: RawBatch, partitions: int) -> list[Erasure | DeadLetters]:
    """Users whose record has a null value, and dead letters for keys that name no user of this partition."""
    if batch.topic != TOPIC:
        return []
    null = [index for index, value in enumerate(batch.values) if value is None]
    if not null:
        return []
    keys = [batch.key(index) or b"" for index in null]
    whole = np.array([len(key) == KEY_BYTES for key in keys])
    ids = np.array([int.from_bytes(key[:KEY_BYTES], "big", signed=True) for key in keys], np.int64)
    here = partition_of(ids, partitions) == batch.partition
    rows = np.array(null)
    found: list[Erasure | DeadLetters] = []
    if (good := whole & here).any():
        found.append(Erasure(ids[good], batch.append_ms[rows[good]].astype(np.int64)))
    if not whole.all():
        detail = f"The value is null and the key is not a user id of {KEY_BYTES} bytes, big-endian."
        found.append(_dead(batch, rows[~whole].tolist(), reasons.UNDECODABLE, detail))
    if (whole & ~here).any():
        detail = "The value is null and the user belongs to another partition."
        found.append(_dead(batch, rows[whole & ~here].tolist(), reasons.PARTITION, detail))
    return found


def _dead(batch: RawBatch, rows: Sequence[int], reason: str, detail: str) -> DeadLetters:
    return DeadLetters(
        batch.topic,
        batch.partition,
        offsets=[int(batch.offsets[row]) for row in rows],
        reasons=[reason] * len(rows),
        details=[detail] * len(rows),
        keys=[batch.key(row) for row in rows],
        values=[None] * len(rows),
        at_ms=[int(batch.append_ms[row]) for row in rows],
    )
