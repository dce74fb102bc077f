"""One partition of Kafka as batches: values at once, append times by runs, anything odd as one sentence."""

import time
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
from schemas.kafka_cluster import REFUSED, TRANSIENT, KafkaCluster, make_client, refused, unreachable
from sources.log import lost_offset

CALL: Final = 1_000
"""Messages a call: Python slows down with longer lists of them."""

SILENCE_S: Final = 60.0
"""How long all brokers may be out of reach before a reader gives up."""


class KafkaPartitionReader:
    """Reads `place` (prefixed topic, partition, offset) up to `until`; it connects at the first read."""

    def __init__(
        self,
        topic: str,
        place: TopicPartition,
        until: int | None,
        config: dict[str, Any],
        cluster: KafkaCluster,
    ) -> None:
        self._topic = topic
        self._place = place
        self._offset: int = place.offset
        self._until = until
        # Only the end of a partition tells that the offsets before it hold nothing more for us (aborted or
        # transaction marks); without `until` nobody asks.
        self._config = config | {"enable.partition.eof": until is not None, "error_cb": self._hear}
        self._cluster = cluster
        self._consumer: Consumer | None = None
        self._heard: list[KafkaError] = []
        self._down_since: float | None = None

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
        messages: list[Message] = []
        try:
            while len(messages) < limit:
                got = consumer.consume(min(CALL, limit - len(messages)), 0.0)
                if not got:
                    break
                messages += self._without_events(got) if any(map(Message.error, got)) else got
        except KafkaException as failure:
            raise self._broken(failure.args[0]) from failure
        if not messages:
            self._check_silence()
            return None
        self._heard, self._down_since = [], None
        return self._batch(messages)

    def commit(self, offset: int) -> None:
        """Tell the consumer group, for lag tools; nobody waits for it and nothing hangs on it."""
        place = TopicPartition(self._place.topic, self._place.partition, offset)
        try:
            self._connected().commit(offsets=[place], asynchronous=True)
        except KafkaException:
            return

    def close(self) -> None:
        """Leave the cluster."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _connected(self) -> Consumer:
        if self._consumer is None:
            self._consumer = make_client(Consumer, self._config)
            self._consumer.assign([self._place])
        return self._consumer

    def _batch(self, messages: list[Message]) -> RawBatch | None:
        first, last = _offset(messages[0]), _offset(messages[-1])
        if last - first == len(messages) - 1:
            offsets = np.arange(first, last + 1, dtype=np.int64)
        else:
            offsets = np.fromiter(map(Message.offset, messages), np.int64, len(messages))
        if self._until is not None and last >= self._until:
            kept = int(np.searchsorted(offsets, self._until))
            offsets, messages = offsets[:kept], messages[:kept]
            last = self._until - 1
        self._offset = max(self._offset, last + 1)
        if not messages:
            return None
        return RawBatch(
            topic=self._topic,
            partition=self._place.partition,
            offsets=offsets,
            append_ms=append_times(messages),
            values=list(map(Message.value, messages)),
            key=lambda index: messages[index].key(),
        )

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
        """What librdkafka says about brokers while it tries again by itself."""
        self._heard.append(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self._down_since is None:
            self._down_since = time.monotonic()

    def _check_silence(self) -> None:
        """Raise once nobody has answered for too long; a silent topic is no reason."""
        refusal = next((heard for heard in self._heard if heard.code() in REFUSED), None)
        if refusal is not None:
            raise self._broken(refusal)
        if self._down_since is None or time.monotonic() - self._down_since < SILENCE_S:
            return
        if not self._cluster.answers(seconds=5.0):
            raise HeadraceError(unreachable(self._config["bootstrap.servers"], SILENCE_S, self._heard))
        self._heard, self._down_since = [], None


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
