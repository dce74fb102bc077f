"""The servers that the other tests stand on do what their handles say."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from tests.services.broker import Broker
from tests.services.kafka import Kafka
from tests.services.process import Process, ServiceError
from tests.services.redis import Redis


def _write(broker: Broker, topic: str, values: list[bytes]) -> None:
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap, "message.max.bytes": 12_000_000, "log_level": 0}
    )
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30.0) == 0


def _read(broker: Broker, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe([topic])
    values: list[bytes | None] = []
    while len(values) < count:
        values.extend(message.value() for message in consumer.consume(count - len(values), 1.0))
    consumer.close()
    return values


def test_a_message_of_ten_megabytes_passes(kafka: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}large"
    kafka.create_topic(topic, 1)
    large = bytes(10_000_000)
    _write(kafka, topic, [large])
    assert _read(kafka, topic, 1) == [large]


def test_a_killed_broker_comes_back_with_its_messages(private_kafka: Kafka) -> None:
    private_kafka.create_topic("kept", 1)
    _write(private_kafka, "kept", [b"before"])
    private_kafka.kill()
    private_kafka.start()
    _write(private_kafka, "kept", [b"after"])
    assert _read(private_kafka, "kept", 2) == [b"before", b"after"]


def test_redis_restarts_with_or_without_its_content(private_redis: Redis) -> None:
    with private_redis.client() as client:
        client.set("key", "value")
    private_redis.restart()
    with private_redis.client() as client:
        assert client.get("key") == b"value"
    private_redis.restart(keep=False)
    with private_redis.client() as client:
        assert client.get("key") is None


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    process = Process("Example", ["sh", "-c", "echo the disk is full; exit 3"], tmp_path / "log")
    with pytest.raises(ServiceError, match=r"ended with code 3.*\n.*the disk is full"):
        process.start(lambda: False)
