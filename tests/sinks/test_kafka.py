"""Writing Kafka: everything arrives, in order, or `flush` says what did not."""

import random

import numpy as np
import pytest

from schemas.errors import HeadraceError
from schemas.kafka_cluster import KafkaCluster
from sinks.kafka import KafkaWriter
from sources.kafka import KafkaLog
from tests.services.broker import Broker
from tests.services.kafka import LARGEST_MESSAGE, Kafka
from tests.sources.places import Messages, everything


def _read(kafka: Broker, prefix: str, topic: str = "posts") -> Messages:
    return everything(KafkaLog(kafka.bootstrap, {}, "test", prefix), topic)


@pytest.mark.parametrize("timed", [False, True])
def test_a_full_queue_is_waited_for(kafka: Broker, topic_prefix: str, timed: bool) -> None:
    writer = KafkaWriter(kafka.bootstrap, {"queue.buffering.max.messages": 50}, topic_prefix, history=True)
    writer.create(["posts"], 1)
    values = [b"%d" % number for number in range(2_000)]
    times = np.arange(2_000, dtype=np.int64) + 5 if timed else None
    writer.write("posts", 0, values, values, times)
    writer.flush()
    read = _read(kafka, topic_prefix)
    assert read.values == read.keys == values
    assert not timed or read.append_ms == list(range(5, 2_005))


@pytest.mark.parametrize("timed", [False, True])
def test_a_message_that_the_broker_refuses_is_an_error_of_flush(
    kafka: Broker, topic_prefix: str, timed: bool
) -> None:
    writer = KafkaWriter(kafka.bootstrap, {}, topic_prefix)
    writer.create(["posts"], 1)
    times = np.array([5, 6], dtype=np.int64) if timed else None
    writer.write("posts", 0, [b"small", random.Random(1).randbytes(LARGEST_MESSAGE)], None, times)
    with pytest.raises(
        HeadraceError, match=r"posts', partition 0: .* not written: .*too large; raise max\.message"
    ):
        writer.flush()
    with pytest.raises(HeadraceError, match="not written"):
        writer.write("posts", 0, [b"more"])
    writer.close()


def test_in_a_hurry_it_does_not_wait_for_brokers_that_are_away(private_kafka: Kafka) -> None:
    writer = KafkaWriter(private_kafka.bootstrap, {})
    writer.create(["posts"], 1)
    private_kafka.kill()
    writer.write("posts", 0, [b"one", b"two"])
    writer.hurry(0.3)
    with pytest.raises(HeadraceError, match=r"did not take the last 2 messages within 0\.3 s; start it"):
        writer.flush()
    writer.close()


def test_messages_that_brokers_do_not_take_in_time_are_an_error(private_kafka: Kafka) -> None:
    writer = KafkaWriter(private_kafka.bootstrap, {}, patience_s=1.0)
    writer.create(["posts"], 1)
    private_kafka.kill()
    writer.write("posts", 0, [b"one"])
    with pytest.raises(HeadraceError, match=r"not written: .*timed out; see whether the brokers are up"):
        writer.flush()
    writer.close()


def test_what_was_not_flushed_is_dropped_on_close(kafka: Broker, topic_prefix: str) -> None:
    writer = KafkaWriter(kafka.bootstrap, {"linger.ms": 20_000}, topic_prefix)
    writer.create(["posts"], 1)
    writer.write("posts", 0, [b"dropped"])
    writer.close()
    assert _read(kafka, topic_prefix).values == []


def test_what_makes_a_write_safe_can_not_be_configured_away(kafka: Broker, topic_prefix: str) -> None:
    config = {"enable.idempotence": False, "delivery.report.only.error": False, "message.max.bytes": 1_000}
    writer = KafkaWriter(kafka.bootstrap, config, topic_prefix)
    writer.create(["posts"], 1)
    writer.write("posts", 0, [bytes(5_000)])
    writer.flush()
    assert _read(kafka, topic_prefix).values == [bytes(5_000)]


@pytest.mark.parametrize(
    ("topic", "history", "expected"),
    [
        ("interactions", False, {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"}),
        ("follows", False, {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}),
        (
            "interactions",
            True,
            {"cleanup.policy": "delete", "message.timestamp.type": "CreateTime", "retention.ms": "-1"},
        ),
        ("users", True, {"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"}),
    ],
)
def test_topics_are_made_as_the_contract_says(
    kafka: Broker, topic_prefix: str, topic: str, history: bool, expected: dict[str, str]
) -> None:
    KafkaWriter(kafka.bootstrap, {}, topic_prefix, history).create([topic], 3)
    found = KafkaCluster(kafka.bootstrap, {}).topic_settings(f"{topic_prefix}{topic}")
    assert {name: found[name] for name in expected} == expected


def test_append_times_may_be_far_away(kafka: Broker, topic_prefix: str) -> None:
    writer = KafkaWriter(kafka.bootstrap, {}, topic_prefix, history=True)
    writer.create(["posts"], 1)
    times = np.array([1, 4_102_444_800_000], dtype=np.int64)
    writer.write("posts", 0, [b"1970", b"2100"], None, times)
    writer.flush()
    assert _read(kafka, topic_prefix).append_ms == times.tolist()
    with pytest.raises(HeadraceError, match="no append time of 1970"):
        writer.write("posts", 0, [b"v", b"now?"], None, np.array([5, 0]))
