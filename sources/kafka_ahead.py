"""How much librdkafka fetches ahead of the reader: bounded in memory, for all partitions together."""

from typing import Final

MESSAGE_BYTES: Final = 300
"""What librdkafka keeps for a message besides its key and value (measured: 280)."""

LEAST_FETCH: Final = 65_536
MOST_FETCH: Final = 1_048_576
LEAST_MESSAGES: Final = 200
MOST_MESSAGES: Final = 100_000
MOST_KBYTES: Final = 65_536


def read_ahead(total_bytes: int, partitions: int) -> dict[str, int]:
    """The settings of each partition's consumer that together keep at most about `total_bytes` in memory.

    A queue that is full is not filled on; the fetch that filled it may still come. A quarter of a partition's share is
    for that fetch, half for the messages in the queue, a quarter for what is kept beside each of them. A batch that is
    larger than the fetch comes whole.

    >>> read_ahead(512 << 20, 64)["queued.max.messages.kbytes"], read_ahead(512 << 20, 64)["queued.min.messages"]
    (4096, 6990)
    """
    share = total_bytes // partitions
    return {
        "queued.max.messages.kbytes": min(max(share // 2 // 1024, LEAST_FETCH // 1024), MOST_KBYTES),
        "queued.min.messages": min(max(share // 4 // MESSAGE_BYTES, LEAST_MESSAGES), MOST_MESSAGES),
        "fetch.message.max.bytes": min(max(share // 4, LEAST_FETCH), MOST_FETCH),
    }
