"""A topic from where it begins, or from its last records, to where it ends now."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from schemas.frame import RawBatch
from sources.log import Log, PartitionReader

BATCH: Final = 50_000
PAUSE_S: Final = 0.02


def read_topic(log: Log, topic: str, last: int | None = None) -> Iterator[RawBatch]:
    """The batches of each partition in turn, up to its end at the start; with `last` only its last messages."""
    starts, ends = log.starts(topic), log.ends(topic)
    for partition, (start, end) in enumerate(zip(starts, ends, strict=True)):
        first = start if last is None else max(start, end - last)
        reader = log.open(topic, partition, first, end)
        try:
            while not reader.done:
                batch = reader.read(BATCH)
                if batch is not None:
                    yield batch
                elif not reader.done:
                    time.sleep(PAUSE_S)
        finally:
            reader.close()


def follow(log: Log, topic: str, offsets: Sequence[int]) -> Iterator[RawBatch]:
    """What is written behind these offsets, for ever."""
    readers: list[PartitionReader] = []
    try:
        for partition, offset in enumerate(offsets):
            readers.append(log.open(topic, partition, offset))
        while True:
            batches = [batch for reader in readers if (batch := reader.read(BATCH)) is not None]
            yield from batches
            if not batches:
                time.sleep(PAUSE_S)
    finally:
        for reader in readers:
            reader.close()
