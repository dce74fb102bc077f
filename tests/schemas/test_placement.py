"""Keys and partitions of whole columns, for every kind of topic."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from schemas.partitioner import partition_of
from schemas.placement import message_keys, partitions_of
from schemas.topics import TOPICS


def test_keys_are_ids_then_words() -> None:
    ids = pa.array([1, -2], pa.int64())
    rows = pa.record_batch(
        {
            "user_id": ids,
            "author_id": ids,
            "topic": ["posts", "users"],
            "flow": ["a", "b"],
            "partition": pa.array([3, 4], pa.int32()),
        }
    )
    packed = [(1).to_bytes(8, "big"), (-2).to_bytes(8, "big", signed=True)]
    assert message_keys("users", rows) == packed
    assert message_keys("pulse", rows) == [b"posts/3", b"users/4"]
    assert message_keys("progress", rows) == [b"a/posts/3", b"b/users/4"]
    assert message_keys("follower_counts", rows) == [packed[0] + b"3", packed[1] + b"4"]
    assert message_keys("users", rows.slice(0, 0)) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_partitions_are_as_the_topic_says(topic: str) -> None:
    place = TOPICS[topic]
    kind = pa.int32() if place.placement == "number" else pa.int64()
    rows = pa.record_batch({place.placed_by: pa.array(range(100), kind)})
    expected: dict[str, npt.NDArray[Any]] = {
        "id": partition_of(np.arange(100), 7),
        "number": np.arange(100) % 7,
        "first": np.zeros(100),
    }
    assert partitions_of(topic, rows, 7).tolist() == expected[place.placement].tolist()
