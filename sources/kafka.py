"""Reading Kafka: one consumer per partition, at an offset that we say, without a group that could move it."""

from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import TopicPartition

from schemas.errors import HeadraceError
from schemas.kafka_cluster import PATIENCE_S, KafkaCluster, client_config
from sources.kafka_ahead import read_ahead
from sources.kafka_closing import Closing
from sources.kafka_reader import KafkaPartitionReader
from sources.kafka_watch import LOOK_S, ClusterWatch
from sources.log import lost_offset

AHEAD_BYTES: Final = 512 << 20


class KafkaLog:
    """The topics of a cluster whose names begin with `prefix`.

    `config` is passed to librdkafka, except for what the promises of a reader hang on. Offsets are committed
    to `group`, for lag tools only. `patience_s` is how long a cluster that does not answer is waited for; while
    readers get nothing, it is asked every `look_s` seconds whether it is still there. `ahead_bytes` bounds the memory
    of what is fetched and not read yet, all partitions of a topic together.
    """

    def __init__(
        self,
        servers: str,
        config: Mapping[str, Any],
        group: str,
        prefix: str = "",
        patience_s: float = PATIENCE_S,
        look_s: float = LOOK_S,
        ahead_bytes: int = AHEAD_BYTES,
    ) -> None:
        self._servers = servers
        self._config = config
        self._group = group
        self._ahead_bytes = ahead_bytes
        self._prefix = prefix
        self._cluster = KafkaCluster(servers, config, patience_s)
        self._watch = ClusterWatch(self._cluster, look_s)
        self._closing = Closing()
        self._known: dict[str, int] = {}

    def partitions(self, topic: str) -> int:
        """The number of partitions.

        Raises HeadraceError when there is no such topic, or no cluster.
        """
        if topic not in self._known:
            found = self._cluster.partitions(self._prefix + topic)
            if found is None:
                raise HeadraceError(
                    f"topic {self._prefix + topic!r} is not in Kafka at {self._servers}; make it with "
                    "`headrace topics --create`, or correct `topic_prefix`"
                )
            self._known[topic] = found
        return self._known[topic]

    def starts(self, topic: str) -> list[int]:
        """First offset still kept, by partition."""
        return self._cluster.starts(self._prefix + topic, list(range(self.partitions(topic))))

    def ends(self, topic: str) -> list[int]:
        """The end of what is committed, by partition: messages of an open transaction are beyond it."""
        return self._cluster.ends(self._prefix + topic, list(range(self.partitions(topic))))

    def open(
        self, topic: str, partition: int, offset: int | None = None, until: int | None = None
    ) -> KafkaPartitionReader:
        """A reader from `offset` (None: the oldest message kept) up to `until`, not included (None: no end).

        Raises HeadraceError when the log does not hold `offset`, or has no such topic or partition.
        """
        if not 0 <= partition < self.partitions(topic):
            raise HeadraceError(
                f"topic {topic!r} has {self.partitions(topic)} partitions, not {partition + 1}"
            )
        name = self._prefix + topic
        [start] = self._cluster.starts(name, [partition])
        first = start if offset is None else offset
        if first != start:
            [end] = self._cluster.ends(name, [partition])
            if not start <= first <= end:
                raise HeadraceError(lost_offset(topic, partition, first, start, end))
        self._watch.add(name)
        return KafkaPartitionReader(
            topic,
            TopicPartition(name, partition, first),
            until,
            self._consumer_config(topic),
            self._cluster,
            self._watch,
            self._closing,
        )

    def close(self) -> None:
        """Wait for readers that were closed: what they committed gets there, if the brokers answer."""
        self._closing.wait()

    def _consumer_config(self, topic: str) -> dict[str, Any]:
        return {
            **read_ahead(self._ahead_bytes, self.partitions(topic)),
            "fetch.queue.backoff.ms": 10,  # a full queue is looked at again soon
            # How long a consumer that is closed waits for its commits while the brokers are away.
            "session.timeout.ms": 6_000,
            **client_config(self._servers, self._config),
            "group.id": self._group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "allow.auto.create.topics": False,
        }
