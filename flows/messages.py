"""What travels between the steps of a flow, and to which shard."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.frame import DeadLetters, Erasure, Frame

Split = Callable[[Sequence[Frame]], Sequence[Any]]
"""Makes of frames one item for each shard, or nothing."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the input partitions of one shard brought at once.

    `watermarks` holds those that moved, by part (`topic/partition`), in ms; `stop` says that the process which read
    this was told to stop.
    """

    shard: int
    frames: Sequence[Frame] = ()
    erasures: Sequence[Erasure] = ()
    refused: Sequence[DeadLetters] = ()
    watermarks: Mapping[str, int] = field(default_factory=dict)
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What one logic gets at once: users to forget, items to take in, and how far time has come."""

    shard: int
    items: Sequence[Any] = ()
    erasures: Sequence[Erasure] = ()
    watermarks: Mapping[str, int] = field(default_factory=dict)
    stop: bool = False


def rows(batch: Batch, shards: int) -> Iterator[Message]:
    """The frames for their own shard; erasures, watermarks and stops for each."""
    elsewhere = [replace(erasure, here=False) for erasure in batch.erasures]
    for shard in range(shards):
        here = shard == batch.shard
        erasures = batch.erasures if here else elsewhere
        yield Message(shard, batch.frames if here else (), erasures, batch.watermarks, batch.stop)


def spread(split: Split, batch: Batch, shards: int) -> Iterator[Message]:
    """One item for each shard made of all frames together, unless they say nothing."""
    items = split(batch.frames)
    for shard in range(shards):
        mine = (items[shard],) if items else ()
        yield Message(shard, mine, batch.erasures, batch.watermarks, batch.stop)
