"""What only Kafka does: transactions, append times of the broker, security, a broker that goes away."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    Message,
    Producer,
    TopicPartition,
)

from schemas.errors import HeadraceError, UsageError
from schemas.kafka_cluster import KafkaCluster
from sinks.kafka import KafkaWriter
from sources.kafka import KafkaLog
from sources.kafka_reader import append_times, offsets_of
from sources.kafka_watch import ClusterWatch
from tests.services.broker import Broker
from tests.services.kafka import Kafka
from tests.services.ports import free_port
from tests.sources.places import Messages, everything


def _transaction(producer: Producer, topic: str, values: list[bytes], commit: bool) -> None:
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=0)
    if commit:
        producer.commit_transaction(30.0)
    else:
        producer.flush(30.0)
        producer.abort_transaction(30.0)


def _transactional(broker: Broker, topic: str) -> Producer:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(30.0)
    return producer


def test_aborted_messages_are_passed_over_also_at_the_end(kafka: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}posts"
    kafka.create_topic(topic, 1)
    producer = _transactional(kafka, topic)
    _transaction(producer, topic, [b"a", b"b"], commit=True)
    _transaction(producer, topic, [b"aborted"] * 3, commit=False)
    _transaction(producer, topic, [b"c"], commit=True)
    _transaction(producer, topic, [b"aborted"] * 2, commit=False)

    # 0 1 | mark 2 | 3 4 5 mark 6 aborted | 7 | mark 8 | 9 10 mark 11 aborted
    log = KafkaLog(kafka.bootstrap, {}, "test", topic_prefix)
    assert log.ends("posts") == [12]
    reader = log.open("posts", 0, None, 12)
    read = Messages().read_to_end(reader)
    assert read.values == [b"a", b"b", b"c"]
    assert read.offsets == [0, 1, 7]
    assert reader.offset == 12
    reader.close()
    assert everything(log, "posts", offset=12).values == []


def test_an_open_transaction_is_beyond_the_end(kafka: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}posts"
    kafka.create_topic(topic, 1)
    producer = _transactional(kafka, topic)
    _transaction(producer, topic, [b"a"], commit=True)
    producer.begin_transaction()
    producer.produce(topic, b"open", partition=0)
    producer.flush(30.0)
    log = KafkaLog(kafka.bootstrap, {}, "test", topic_prefix)
    assert log.ends("posts") == [2]
    assert everything(log, "posts").values == [b"a"]
    producer.abort_transaction(30.0)


def test_append_times_by_runs_are_those_of_each_message(kafka: Broker, topic_prefix: str) -> None:
    writer = KafkaWriter(kafka.bootstrap, {"linger.ms": 0}, topic_prefix)
    writer.create(["posts"], 1)
    before = time.time_ns() // 1_000_000
    for size in (1, 2, 1, 300, 5, 1, 1, 700):
        writer.write("posts", 0, [b"v"] * size)
        writer.flush()

    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": "test", "auto.offset.reset": "error"}
    )
    consumer.assign([TopicPartition(f"{topic_prefix}posts", 0, 0)])
    messages = consumer.consume(1011, 30.0)
    consumer.close()
    one_by_one = [message.timestamp()[1] for message in messages]
    assert len(set(one_by_one)) > 2
    for start in range(0, 1011, 97):
        assert append_times(messages[start:]).tolist() == one_by_one[start:]
    assert min(one_by_one) >= before - 5
    log = KafkaLog(kafka.bootstrap, {}, "test", topic_prefix)
    assert everything(log, "posts").append_ms == one_by_one


def test_offsets_with_holes_are_asked_one_by_one() -> None:
    def message(offset: int) -> Message:
        return Message(topic="t", partition=0, offset=offset)

    assert offsets_of([message(7)]).tolist() == [7]
    assert offsets_of([message(n) for n in (7, 8, 9)]).tolist() == [7, 8, 9]
    assert offsets_of([message(n) for n in (7, 8, 11)]).tolist() == [7, 8, 11]


def test_offsets_are_committed_for_lag_tools(kafka: Broker, topic_prefix: str) -> None:
    writer = KafkaWriter(kafka.bootstrap, {}, topic_prefix)
    writer.create(["posts"], 1)
    writer.write("posts", 0, [b"v"] * 5)
    writer.flush()
    log = KafkaLog(kafka.bootstrap, {}, topic_prefix, topic_prefix)
    reader = log.open("posts", 0, None, 5)
    Messages().read_to_end(reader)
    reader.commit(4)
    reader.close()
    log.close()
    group = ConsumerGroupTopicPartitions(topic_prefix)
    [place] = kafka.admin.list_consumer_group_offsets([group])[topic_prefix].result(30.0).topic_partitions
    assert (place.topic, place.offset) == (f"{topic_prefix}posts", 4)


def test_any_setting_of_librdkafka_passes_through(kafka: Broker, topic_prefix: str) -> None:
    small = {"fetch.message.max.bytes": 1_000, "message.timeout.ms": 10_000}
    writer = KafkaWriter(kafka.bootstrap, small, topic_prefix)
    writer.create(["posts"], 1)
    writer.write("posts", 0, [b"v" * 500] * 20)
    writer.flush()
    assert len(everything(KafkaLog(kafka.bootstrap, small, "test", topic_prefix), "posts").values) == 20


def test_an_unknown_setting_of_librdkafka_is_a_usage_error(kafka: Broker) -> None:
    with pytest.raises(UsageError, match="under `kafka`: No such configuration property"):
        KafkaLog(kafka.bootstrap, {"fetch.colour": 1}, "test")
    with pytest.raises(UsageError, match=r"fetch\.colour"):
        KafkaWriter(kafka.bootstrap, {"fetch.colour": 1})


def test_a_broker_that_is_not_there_is_one_sentence() -> None:
    servers = f"127.0.0.1:{free_port()}"
    with pytest.raises(
        HeadraceError, match=re.escape(f"Kafka at {servers} did not answer for 1 s (") + ".*refused"
    ):
        KafkaLog(servers, {}, "test", patience_s=1.0).partitions("posts")
    with pytest.raises(HeadraceError, match=re.escape(f"Kafka at {servers} did not answer")):
        KafkaWriter(servers, {}, patience_s=1.0).write("posts", 0, [b"v"])


def test_a_broker_that_stays_away_is_one_sentence_and_one_that_comes_late_is_waited_for(
    private_kafka: Kafka, topic_prefix: str
) -> None:
    private_kafka.create_topic(f"{topic_prefix}posts", 3)
    watch = ClusterWatch(KafkaCluster(private_kafka.bootstrap, {}), look_s=0.5, failures=3)
    private_kafka.stop()
    with pytest.raises(HeadraceError, match=r"did not answer for 1\.5 s"):
        _look_for_ever(watch)
    log = KafkaLog(private_kafka.bootstrap, {}, "test", topic_prefix)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(log.partitions, "posts")
        private_kafka.start()
        assert asked.result(timeout=60) == 3


def test_reading_and_writing_go_on_when_the_broker_comes_back(private_kafka: Kafka) -> None:
    writer = KafkaWriter(private_kafka.bootstrap, {})
    writer.create(["posts"], 1)
    writer.write("posts", 0, [b"before"])
    writer.flush()
    reader = KafkaLog(private_kafka.bootstrap, {}, "test").open("posts", 0)
    read = Messages().read_until(reader, 1)

    private_kafka.stop()
    assert reader.read(10) is None
    writer.write("posts", 0, [b"during"])
    private_kafka.start()
    writer.flush()
    writer.write("posts", 0, [b"after"])
    writer.flush()
    assert read.read_until(reader, 3).values == [b"before", b"during", b"after"]
    reader.close()


@pytest.fixture
def guarded_kafka(private_kafka: Kafka) -> str:
    """A broker that asks for a password on a second port: user `alice`, password `secret`."""
    port = free_port()
    private_kafka.stop()
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required user_alice=secret;"
    listeners = f"PLAINTEXT://127.0.0.1:{private_kafka.port},SASL_PLAINTEXT://127.0.0.1:{port}"
    controller = f"CONTROLLER://127.0.0.1:{private_kafka.controller_port}"
    with (private_kafka.folder / "server.properties").open("a") as properties:
        properties.write(
            f"listeners={listeners},{controller}\n"
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT\n"
            f"advertised.listeners={listeners}\n"
            "sasl.enabled.mechanisms=PLAIN\n"
            f"listener.name.sasl_plaintext.plain.sasl.jaas.config={plain}\n"
        )
    private_kafka.start()
    return f"127.0.0.1:{port}"


def test_a_wrong_password_is_one_sentence_at_once(guarded_kafka: str) -> None:
    given = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "alice"}
    right = KafkaWriter(guarded_kafka, given | {"sasl.password": "secret"})
    right.create(["posts"], 1)
    right.write("posts", 0, [b"v"])
    right.flush()
    assert everything(
        KafkaLog(guarded_kafka, given | {"sasl.password": "secret"}, "test"), "posts"
    ).values == [b"v"]

    wrong = given | {"sasl.password": "guess"}
    with pytest.raises(HeadraceError, match=r"refuses: .*uthentication failed.*sasl\.\*"):
        KafkaLog(guarded_kafka, wrong, "test").partitions("posts")
    with pytest.raises(HeadraceError, match=r"refuses: .*uthentication failed"):
        KafkaWriter(guarded_kafka, wrong).create(["posts"], 1)


def test_a_topic_that_is_deleted_under_a_reader_is_named(kafka: Broker, topic_prefix: str) -> None:
    writer = KafkaWriter(kafka.bootstrap, {}, topic_prefix)
    writer.create(["posts"], 1)
    reader = KafkaLog(kafka.bootstrap, {}, "test", topic_prefix, look_s=0.5).open("posts", 0)
    kafka.admin.delete_topics([f"{topic_prefix}posts"])[f"{topic_prefix}posts"].result(30.0)
    with pytest.raises(HeadraceError, match="posts' was deleted while it was read"):
        Messages().read_until(reader, 1)
    reader.close()


def test_a_reader_that_lost_its_brokers_connects_anew(kafka: Broker, topic_prefix: str) -> None:
    writer = KafkaWriter(kafka.bootstrap, {}, topic_prefix)
    writer.create(["posts"], 1)
    writer.write("posts", 0, [b"before"])
    writer.flush()
    reader = KafkaLog(kafka.bootstrap, {}, "test", topic_prefix, look_s=0.1).open("posts", 0)
    read = Messages().read_until(reader, 1)
    lost = Consumer({"bootstrap.servers": f"127.0.0.1:{free_port()}", "group.id": "lost", "log_level": 0})
    lost.assign([TopicPartition(f"{topic_prefix}posts", 0, 1)])
    reader.close()
    reader._consumer = lost
    writer.write("posts", 0, [b"after"])
    writer.flush()
    assert read.read_until(reader, 2).offsets == [0, 1]
    reader.close()


def test_the_offset_passes_marks_of_transactions_while_following(kafka: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}posts"
    kafka.create_topic(topic, 1)
    _transaction(_transactional(kafka, topic), topic, [b"a"], commit=True)
    reader = KafkaLog(kafka.bootstrap, {}, "test", topic_prefix).open("posts", 0)
    read = Messages()
    while reader.offset < 2:
        read.read(reader)
    assert read.offsets == [0]
    reader.close()


def _look_for_ever(watch: ClusterWatch) -> None:
    while True:
        watch.look()
