"""Some hundred good interactions, what may come among them, and the vectors that the good ones lead to."""

import io
import random
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import fastavro
import numpy as np
import redis

from schemas.records import avro_schema, fingerprint
from schemas.registry import Registry
from sinks.open_writer import open_writer
from tests.flows.harness import PARTITIONS, Place, Vectors
from tests.flows.oracle import Truth, differences, in_redis, placed, vectors
from tests.operators.events import event

Event = dict[str, Any]

SCHEMA = avro_schema("Interaction")
KINDS = ("impression", "impression", "impression", "click", "like", "dwell")
MINUTE = 60_000


@dataclass(frozen=True)
class Message:
    """One message of a partition: its bytes, the accepted events in it, and its key where that matters."""

    partition: int
    value: bytes | None
    append_ms: int
    events: tuple[Event, ...] = ()
    key: bytes | None = None


def encoded(row: Event, schema: Any = SCHEMA) -> bytes:
    """One record in Avro's single-object encoding."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), row)
    return b"\xc3\x01" + fingerprint(schema) + out.getvalue()


def message(row: Event, append_ms: int | None = None) -> Message:
    """An accepted event as a message of its own, in its user's partition."""
    append_ms = row["at_ms"] if append_ms is None else append_ms
    return Message(placed(row["user_id"], PARTITIONS), encoded(row), append_ms, (row,))


def refused(row: Event, append_ms: int | None = None, value: bytes | None = None) -> Message:
    """An event that must not be accepted; `value` replaces its bytes."""
    one = replace(message(row, append_ms), events=())
    return one if value is None else replace(one, value=value)


def good(end_ms: int, count: int = 200, seed: int = 1, first_id: int = 1) -> list[Message]:
    """Events of the ten minutes up to `end_ms`, in order of time."""
    chance = random.Random(seed)
    times = [*sorted(end_ms - chance.randrange(10 * MINUTE) for _ in range(count - 1)), end_ms]
    return [
        message(
            event(
                event_id=first_id + number,
                type=(kind := chance.choice(KINDS)),
                user_id=chance.randrange(1, 20),
                post_id=(post := chance.randrange(1, 16)),
                author_id=post % 5 + 1,
                position=chance.randrange(1, 9),
                dwell_ms=chance.randrange(60_000) if kind == "dwell" else None,
                at_ms=at_ms,
            )
        )
        for number, at_ms in enumerate(times)
    ]


def keyed(offset: int) -> bytes:
    """The key of the message at an offset."""
    return struct.pack(">q", offset)


def write(place: Place, messages: Iterable[Message], topic: str = "interactions") -> None:
    """Append to a topic, each partition in the given order, with keys counted from zero; makes the topic."""
    writer = open_writer(place.settings)
    writer.create([topic], place.settings.partitions)
    parts: dict[int, list[Message]] = defaultdict(list)
    for one in messages:
        parts[one.partition].append(one)
    for partition, part in parts.items():
        values = [one.value for one in part]
        times = np.array([one.append_ms for one in part], np.int64)
        keys = [one.key or keyed(offset) for offset, one in enumerate(part)]
        # The broker of a live topic says itself when it appended.
        writer.write(topic, partition, values, keys, None if _stamps(place) else times)
    writer.flush()
    writer.close()


def _stamps(place: Place) -> bool:
    return place.log.startswith("kafka:") and place.settings.time == "live"


def wanted(messages: Sequence[Message], place: Place) -> Vectors:
    """The vectors of the accepted events, none of which is ahead of its append time."""
    events = [row for one in messages for row in one.events]
    truth = Truth(events, clock=max(row["at_ms"] for row in events))
    return vectors(truth, Registry.of(place.settings), place.settings)


def wrong_vectors(messages: Sequence[Message], place: Place) -> dict[str, Any]:
    """What Redis holds and should not, and the other way round: empty if all is right."""
    with redis.Redis.from_url(place.redis) as client:
        return differences(in_redis(client), wanted(messages, place))
