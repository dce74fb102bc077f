"""What is fetched ahead of the reader is bounded by the setting, for any number of partitions."""

import pytest

from sources.kafka_ahead import LEAST_FETCH, MESSAGE_BYTES, read_ahead


@pytest.mark.parametrize("message_bytes", [100, 300, 5_000, 200_000])
@pytest.mark.parametrize("partitions", [1, 4, 64, 256])
@pytest.mark.parametrize("total_mb", [64, 512, 2_048])
def test_all_partitions_together_keep_about_what_they_may(
    total_mb: int, partitions: int, message_bytes: int
) -> None:
    """A queue takes another fetch as long as it is below both of its limits."""
    given = read_ahead(total_mb << 20, partitions)
    fetch = max(given["fetch.message.max.bytes"] // message_bytes, 1)
    by_bytes = given["queued.max.messages.kbytes"] * 1024 // message_bytes
    messages = min(given["queued.min.messages"], by_bytes) + fetch
    kept = partitions * messages * (message_bytes + MESSAGE_BYTES)
    least = 3 * partitions * (LEAST_FETCH + message_bytes) * (message_bytes + MESSAGE_BYTES) / message_bytes
    assert kept <= max(2 * (total_mb << 20), least)


def test_a_busy_partition_has_enough_to_read() -> None:
    """At the default for 64 partitions: several thousand messages, or several fetches."""
    given = read_ahead(512 << 20, 64)
    assert given["queued.min.messages"] > 5_000
    assert given["queued.max.messages.kbytes"] * 1024 >= 4 * given["fetch.message.max.bytes"]
