"""One partition of Kafka as batches: values at once, append times by runs, anything odd as one sentence."""

from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from schemas.errors import HeadraceError
from schemas.frame import Int64s, RawBatch
from schemas.kafka_cluster import REFUSED, TRANSIENT, KafkaCluster, make_client, refused
from sources.kafka_closing import Closing
from sources.kafka_watch import ClusterWatch
from sources.log import lost_offset

CALL: Final = 1_000
"""Messages a call. They become bytes at once: longer lists of them, or keeping them, costs up to half the speed."""


STALLED: Final = 3
"""Looks at the cluster without a message, after which a reader asks whether there is one for it."""


class KafkaPartitionReader:
    """Reads `place` (prefixed topic, partition, offset) up to `until`; it connects at the first read."""

    def __init__(
        self,
        topic: str,
        place: TopicPartition,
        until: int | None,
        config: dict[str, Any],
        cluster: KafkaCluster,
        watch: ClusterWatch,
        closing: Closing,
    ) -> None:
        self._topic = topic
        self._place = place
        self._offset: int = place.offset
        self._committed: int | None = None
        self._until = until
        # Only the end of a partition tells that the offsets before it hold nothing more for us: aborted messages
        # and the marks of transactions.
        self._config = config | {"enable.partition.eof": True, "error_cb": self._hear}
        self._cluster = cluster
        self._watch = watch
        self._closing = closing
        self._answers = watch.answers
        self._consumer: Consumer | None = None
        self._refusal: KafkaError | None = None

    @property
    def offset(self) -> int:
        """The next offset to read."""
        return self._offset

    @property
    def done(self) -> bool:
        """Whether everything below `until` has been read."""
        return self._until is not None and self._offset >= self._until

    def read(self, limit: int) -> RawBatch | None:
        """At most `limit` messages, None when there is nothing now. It does not wait.

        Raises HeadraceError, naming topic and partition, when the partition can't be read on.
        """
        if self.done:
            return None
        consumer = self._connected()
        values: list[bytes | None] = []
        keys: list[bytes | None] = []
        offsets: list[Int64s] = []
        append_ms: list[Int64s] = []
        try:
            while len(values) < limit and (got := consumer.consume(min(CALL, limit - len(values)), 0.0)):
                messages = self._without_events(got) if any(map(Message.error, got)) else got
                if messages:
                    values += map(Message.value, messages)
                    keys += map(Message.key, messages)
                    offsets.append(offsets_of(messages))
                    append_ms.append(append_times(messages))
        except KafkaException as failure:
            raise self._broken(failure.args[0]) from failure
        if not values:
            if self._refusal is not None:
                raise self._broken(self._refusal)
            self._watch.look()
            if self._watch.answers - self._answers >= STALLED:
                self._renew_if_stalled()
            return None
        self._watch.answered()
        self._answers = self._watch.answers
        return self._batch(np.concatenate(offsets), np.concatenate(append_ms), values, keys)

    def commit(self, offset: int) -> None:
        """Tell the consumer group, for lag tools; nobody waits for it and nothing hangs on it."""
        if offset == self._committed:
            return
        self._committed = offset
        place = TopicPartition(self._place.topic, self._place.partition, offset)
        try:
            self._connected().commit(offsets=[place], asynchronous=True)
        except KafkaException:
            return

    def close(self) -> None:
        """Leave the cluster; the log waits for it when it is closed."""
        if self._consumer is not None:
            self._closing.add(self._consumer)
            self._consumer = None

    def _connected(self) -> Consumer:
        if self._consumer is None:
            self._consumer = make_client(Consumer, self._config)
            self._consumer.assign([TopicPartition(self._place.topic, self._place.partition, self._offset)])
        return self._consumer

    def _renew_if_stalled(self) -> None:
        """Connect anew when the cluster has something for us and answers, but nothing came for several looks.

        A client that asks for metadata while its only broker starts may be told of no brokers at all, and then
        waits for ever.
        """
        self._answers = self._watch.answers
        [end] = self._cluster.ends(self._place.topic, [self._place.partition])
        if end > self._offset:
            self.close()

    def _batch(
        self, offsets: Int64s, append_ms: Int64s, values: list[bytes | None], keys: list[bytes | None]
    ) -> RawBatch | None:
        """What was read, without messages from `until` on."""
        end = int(offsets[-1]) + 1
        if self._until is not None and end > self._until:
            kept = int(np.searchsorted(offsets, self._until))
            offsets, append_ms, values, end = offsets[:kept], append_ms[:kept], values[:kept], self._until
        self._offset = max(self._offset, end)
        if not values:
            return None
        return RawBatch(self._topic, self._place.partition, offsets, append_ms, values, keys.__getitem__)

    def _without_events(self, got: Sequence[Message]) -> list[Message]:
        """The messages alone; an end of the partition moves the offset, an error is raised."""
        messages = []
        for message in got:
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._offset = max(self._offset, _offset(message))
            elif error.code() not in TRANSIENT:
                raise self._broken(error)
        return messages

    def _broken(self, error: KafkaError) -> HeadraceError:
        """The sentence for an error of this partition."""
        name, number = self._place.topic, self._place.partition
        if error.code() in REFUSED:
            return HeadraceError(refused(self._config["bootstrap.servers"], error))
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            [start], [end] = self._cluster.starts(name, [number]), self._cluster.ends(name, [number])
            return HeadraceError(lost_offset(self._topic, number, self._offset, start, end))
        return HeadraceError(
            f"topic {self._topic!r}, partition {number} can't be read on from offset {self._offset}: "
            f"{error.str()}; repair it and start again, it goes on from there"
        )

    def _hear(self, error: KafkaError) -> None:
        """What librdkafka says about brokers; it tries again by itself where that can help."""
        if error.code() in REFUSED:
            self._refusal = error


def offsets_of(messages: Sequence[Message]) -> Int64s:
    """The offset of each message; where none is missing in between, the first and the last tell."""
    first, last = _offset(messages[0]), _offset(messages[-1])
    if last - first == len(messages) - 1:
        return np.arange(first, last + 1, dtype=np.int64)
    return np.fromiter(map(_offset, messages), np.int64, len(messages))


def _offset(message: Message) -> int:
    """The offset of a message that came from a broker: it always has one."""
    return cast(int, message.offset())


def append_times(messages: Sequence[Message]) -> Int64s:
    """When each message was appended, in ms.

    Asking a message costs as much as reading it, and the messages of one append share their time: between two
    messages of equal append time nobody else is asked. Times that producers set are asked one by one.
    """
    times = np.empty(len(messages), dtype=np.int64)
    (first_kind, first), (last_kind, last) = messages[0].timestamp(), messages[-1].timestamp()
    if not first_kind == last_kind == TIMESTAMP_LOG_APPEND_TIME:
        return np.fromiter((message.timestamp()[1] for message in messages), np.int64, len(messages))
    spans = [(0, len(messages) - 1, first, last)]
    while spans:
        low, high, at_low, at_high = spans.pop()
        if at_low == at_high:
            times[low : high + 1] = at_low
        elif high - low == 1:
            times[low], times[high] = at_low, at_high
        else:
            middle = (low + high) // 2
            at_middle = messages[middle].timestamp()[1]
            spans += [(low, middle, at_low, at_middle), (middle, high, at_middle, at_high)]
    return times
