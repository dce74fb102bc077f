"""Where a record of a topic goes: the key of its message and its partition, for whole columns."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.partitioner import Int32s, partition_of
from schemas.topics import TOPICS


def message_keys(topic: str, rows: pa.RecordBatch) -> list[bytes]:
    """The key of each row's message: ids as 8 bytes, big-endian, one after the other, then words with `/` between.

    >>> rows = pa.record_batch({"follower_id": [1], "author_id": [2]})
    >>> message_keys("follows", rows)[0].hex()
    '00000000000000010000000000000002'
    """
    columns = [rows.column(name) for name in TOPICS[topic].key]
    ids = [column for column in columns if column.type == pa.int64()]
    words: list[Sequence[object]] = [column.to_pylist() for column in columns if column.type != pa.int64()]
    packed = np.column_stack(ids).astype(">i8").tobytes() if ids else b""
    width = 8 * len(ids)
    heads = [packed[start : start + width] for start in range(0, width * len(rows), width or 1)]
    if not words:
        return heads
    tails = ["/".join(map(str, row)).encode() for row in zip(*words, strict=True)]
    return [head + tail for head, tail in zip(heads, tails, strict=True)] if heads else tails


def partitions_of(topic: str, rows: pa.RecordBatch, partitions: int) -> Int32s:
    """The partition of each row, as the topic says that it is placed."""
    place = TOPICS[topic]
    if place.placement == "first":
        return np.zeros(len(rows), dtype=np.int32)
    numbers = rows.column(place.placed_by).to_numpy(zero_copy_only=False)
    if place.placement == "number":
        places: Int32s = (numbers % partitions).astype(np.int32)
        return places
    return partition_of(numbers, partitions)
