"""Notices what librdkafka waits out in silence: no broker at all, or a topic that was deleted."""

import time
from typing import Final

from schemas.errors import HeadraceError
from schemas.kafka_cluster import KafkaCluster

LOOK_S: Final = 10.0
"""Seconds between two looks, for all readers of a process together, and only while one of them gets nothing."""

FAILURES: Final = 6
"""Looks in a row without an answer after which a reader gives up."""


class ClusterWatch:
    """Looks after the topics that the readers of one cluster read; `answers` counts the looks that succeeded."""

    def __init__(self, cluster: KafkaCluster, look_s: float = LOOK_S, failures: int = FAILURES) -> None:
        self._cluster = cluster
        self._look_s = look_s
        self._allowed = failures
        self._failed = 0
        self.answers = 0
        self._watched: set[str] = set()
        self._looked = time.monotonic()

    def add(self, topic: str) -> None:
        """Look after this topic too (its name with the prefix)."""
        self._watched.add(topic)

    def answered(self) -> None:
        """A broker gave somebody something."""
        self._failed = 0

    def look(self) -> None:
        """To be called by a reader that got nothing; it asks at most every `look_s` seconds.

        Raises HeadraceError when a topic is gone, or the brokers have not answered a number of looks.
        """
        now = time.monotonic()
        if now - self._looked < self._look_s:
            return
        self._looked = now
        topics = self._cluster.topics(seconds=min(1.0, self._look_s))
        if topics is None:
            self._failed += 1
            if self._failed >= self._allowed:
                raise self._cluster.unreachable(self._failed * self._look_s)
            return
        self._failed = 0
        self.answers += 1
        gone = sorted(self._watched - topics)
        if gone:
            raise HeadraceError(
                f"topic {gone[0]!r} was deleted while it was read; make it again with `headrace topics --create` and "
                "start from a new state directory"
            )
