"""What the demo left behind, read back as anybody would: from Redis and from the log."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from schemas.codec import Codec
from schemas.settings import Settings
from serving.features import read_features
from serving.redis_client import reading
from serving.trending import read_trending
from sources.log import Log
from sources.open_log import open_log
from sources.simulate import Truth

TRENDING: Final = 10
LAST: Final = 500
"""Messages of each partition among which the reader is looked for."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Vectors and lists as `serving` gives them."""

    trending: list[dict[str, Any]]
    author: dict[str, Any]
    """The vector of the author of the hottest post."""
    user: dict[str, Any]
    """The vector of whoever did most at the end."""
    dead_letters: Counter[str]
    """By reason."""
    keys: int
    memory: int
    """Bytes that Redis uses."""


def look(settings: Settings, truth: Truth) -> Findings:
    """Read the outcome of a demo."""
    log = open_log(settings)
    try:
        user = _reader(log)
        dead_letters = _reasons(log)
    finally:
        log.close()
    with reading(settings) as client:
        keys, memory = client.dbsize(), client.info("memory")["used_memory"]
    return Findings(
        trending=read_trending(settings, count=TRENDING)["posts"],
        author=read_features(settings, "author", truth.hottest_author),
        user=read_features(settings, "user", user),
        dead_letters=dead_letters,
        keys=keys,
        memory=memory,
    )


def _reader(log: Log) -> int:
    """The user with most interactions among the last messages."""
    codec = Codec("Interaction")
    seen: list[np.ndarray] = []
    for partition, end in enumerate(log.ends("interactions")):
        values = _values(log, "interactions", partition, max(0, end - LAST), end)
        seen.append(codec.decode(values).rows.column("user_id").to_numpy())
    users, counts = np.unique(np.concatenate(seen), return_counts=True)
    return int(users[np.argmax(counts)])


def _reasons(log: Log) -> Counter[str]:
    """Dead letters by reason."""
    codec = Codec("DeadLetter")
    found: Counter[str] = Counter()
    for partition, end in enumerate(log.ends("dead_letters")):
        rows = codec.decode(_values(log, "dead_letters", partition, 0, end)).rows
        found.update(rows.column("reason").to_pylist())
    return found


def _values(log: Log, topic: str, partition: int, first: int, end: int) -> list[bytes]:
    """The values with offsets from `first` to `end`."""
    reader = log.open(topic, partition, first, end)
    values: list[bytes] = []
    try:
        while not reader.done:
            batch = reader.read(10_000)
            if batch is not None:
                values += [value for value in batch.values if value is not None]
    finally:
        reader.close()
    return values
