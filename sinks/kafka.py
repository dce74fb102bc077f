"""Writing Kafka: batches into chosen partitions, idempotent, every failed delivery an error at `flush`."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.errors import HeadraceError
from schemas.frame import Int64s
from schemas.kafka_cluster import PATIENCE_S, REFUSED, KafkaCluster, client_config, make_client, refused
from schemas.topics import TOPICS

LARGEST_MESSAGE: Final = 1_000_000_000
"""The client sets no limit of its own: the broker and the topic judge how large a message may be."""

POLL_S: Final = 0.05


class KafkaWriter:
    """Writes into the topics of a cluster whose names begin with `prefix`.

    `config` is passed to librdkafka, except for what makes a write safe. A cluster that does not answer is waited for
    `patience_s` seconds. With `history`, topics are made to
    keep the append times that they are given, for ever; without, the broker's clock is the append time.
    """

    def __init__(
        self,
        servers: str,
        config: Mapping[str, Any],
        prefix: str = "",
        history: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._servers = servers
        self._prefix = prefix
        self._history = history
        self._hurry_s: float | None = None
        self._cluster = KafkaCluster(servers, config, patience_s)
        self._known: dict[str, int] = {}
        self._failed: list[str] = []
        self._refusal: KafkaError | None = None
        self._producer = make_client(
            Producer,
            {
                "compression.type": "lz4",
                "linger.ms": 20,
                "queue.buffering.max.messages": 500_000,
                "queue.buffering.max.kbytes": 256 * 1024,
                "message.timeout.ms": int(patience_s * 1000),
                **client_config(servers, config),
                "message.max.bytes": LARGEST_MESSAGE,
                "enable.idempotence": True,
                "delivery.report.only.error": True,
                "error_cb": self._hear,
            },
        )

    def create(self, topics: Iterable[str], partitions: int) -> list[str]:
        """Make the topics that don't exist yet and return their names.

        Raises HeadraceError when one exists with another number of partitions.
        """
        return [topic for topic in topics if self._create(topic, partitions)]

    def write(
        self,
        topic: str,
        partition: int,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None = None,
        append_ms: Int64s | None = None,
    ) -> None:
        """Hand over messages; `append_ms`, if given, becomes the message time. Durable after `flush`.

        Waits while the producer's queue is full. Raises HeadraceError when the topic or partition is missing, or
        messages before these have failed.
        """
        name = self._prefix + topic
        self._require(name, partition)
        if append_ms is None:
            self._write_batch(name, partition, values, keys)
        else:
            if append_ms.min(initial=1) <= 0:
                raise HeadraceError(
                    f"topic {name!r}: Kafka keeps no append time of 1970 or before; leave such rows out"
                )
            self._write_timed(name, partition, values, keys, append_ms.tolist())
        self._producer.poll(0)
        self._check()

    def flush(self) -> None:
        """Return when every message is acknowledged by the brokers.

        Raises HeadraceError when any was refused or timed out: some of them may be in the log.
        """
        began = time.monotonic()
        while left := self._producer.flush(0.5):
            self._check()
            if self._hurry_s is not None and time.monotonic() - began > self._hurry_s:
                raise HeadraceError(
                    f"Kafka at {self._servers} did not take the last {left} messages within {self._hurry_s:g} s; "
                    "start it, and the flow, which goes on from its last snapshot"
                )
        self._check()

    def hurry(self, seconds: float) -> None:
        """From now on `flush` waits at most so long."""
        self._hurry_s = seconds

    def close(self) -> None:
        """Drop what was not flushed."""
        self._producer.purge()
        self._producer.flush(1.0)

    def _create(self, topic: str, partitions: int) -> bool:
        name = self._prefix + topic
        found = self._cluster.partitions(name)
        if found is None:
            if self._cluster.create(name, partitions, topic_config(topic, self._history)):
                self._known[name] = partitions
                return True
            found = self._cluster.partitions(name)
        if found != partitions:
            raise HeadraceError(
                f"topic {name!r} has {found} partitions and {partitions} are wanted; set `partitions` to "
                f"{found}, or make the topic anew"
            )
        self._known[name] = partitions
        return False

    def _require(self, name: str, partition: int) -> None:
        """Look before the first write: librdkafka would hold messages for a missing topic for half a minute."""
        if name not in self._known:
            found = self._cluster.partitions(name)
            if found is None:
                raise HeadraceError(
                    f"topic {name!r} is not in Kafka at {self._servers}; make it with `headrace topics --create`, "
                    "or correct `topic_prefix`"
                )
            self._known[name] = found
        if not 0 <= partition < self._known[name]:
            raise HeadraceError(f"topic {name!r} has {self._known[name]} partitions, not {partition + 1}")

    def _write_batch(
        self, name: str, partition: int, values: Sequence[bytes | None], keys: Sequence[bytes | None] | None
    ) -> None:
        left: list[dict[str, Any]]
        if keys is None:
            left = [{"value": value} for value in values]
        else:
            left = [{"value": value, "key": key} for value, key in zip(values, keys, strict=True)]
        while left:
            queued = self._producer.produce_batch(
                name, left, partition=partition, on_delivery=self._delivered
            )
            if queued == len(left):
                return
            left = [message for message in left if "_error" in message]
            for message in left:
                error: KafkaError = message.pop("_error")
                if error.code() != KafkaError._QUEUE_FULL:
                    raise self._refused(name, partition, error)
            self._producer.poll(POLL_S)
            self._check()

    def _write_timed(
        self,
        name: str,
        partition: int,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None,
        append_ms: list[int],
    ) -> None:
        """One call a message: the batch call carries no times."""
        produce, delivered = self._producer.produce, self._delivered
        for value, key, at in zip(values, keys or [None] * len(values), append_ms, strict=True):
            while True:
                try:
                    produce(name, value, key, partition, on_delivery=delivered, timestamp=at)
                    break
                except BufferError:
                    self._producer.poll(POLL_S)
                    self._check()
                except KafkaException as failure:
                    raise self._refused(name, partition, failure.args[0]) from failure

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and error.code() not in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
            self._failed.append(
                f"topic {message.topic()!r}, partition {message.partition()}: a message of {len(message)} bytes "
                f"was not written: {error.str()}{_advice(error)}"
            )

    def _hear(self, error: KafkaError) -> None:
        if error.code() in REFUSED:
            self._refusal = error

    def _check(self) -> None:
        """Raise for the first delivery that failed, or a cluster that refuses us."""
        if self._failed:
            raise HeadraceError(self._failed[0])
        if self._refusal is not None:
            raise HeadraceError(refused(self._servers, self._refusal))

    def _refused(self, name: str, partition: int, error: KafkaError) -> HeadraceError:
        return HeadraceError(f"topic {name!r}, partition {partition}: {error.str()}{_advice(error)}")


def topic_config(topic: str, history: bool) -> dict[str, str]:
    """The topic settings that a topic of ours is made with; retention is the operator's business."""
    compacted = TOPICS[topic].cleanup == "compact"
    config = {"cleanup.policy": "compact" if compacted else "delete"}
    if history:
        return config | {
            "message.timestamp.type": "CreateTime",
            "message.timestamp.after.max.ms": str(
                2**63 - 1
            ),  # by default the broker refuses times an hour ahead
            "retention.ms": "-1",
        }
    return config | {"message.timestamp.type": "LogAppendTime"}


def _advice(error: KafkaError) -> str:
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return "; raise max.message.bytes of the topic"
    if error.code() == KafkaError._MSG_TIMED_OUT:
        return "; see whether the brokers are up"
    return ""
