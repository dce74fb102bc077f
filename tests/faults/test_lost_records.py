"""A log that no longer holds what a flow must read next: it says so and stops, it never jumps."""

import shutil
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from tests.faults.outcome import ran
from tests.faults.traffic import Message, good, write, wrong_vectors
from tests.flows.harness import PARTITIONS, Place
from tests.services.broker import Broker

NOW = 1_760_000_000_000


def parts(count: int) -> list[list[Message]]:
    """As many times some good interactions, each written on its own, so that a file log has segments."""
    return [
        good(NOW + 600_000 * part, count=80, seed=part, first_id=1_000 * part + 1) for part in range(count)
    ]


@pytest.fixture
def file_place(redis_url: str, tmp_path: Path) -> Place:
    return Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state")


@pytest.fixture
def kafka_place(kafka: Broker, topic_prefix: str, redis_url: str, tmp_path: Path) -> Place:
    return Place(kafka.url, redis_url, tmp_path / "state", {"HEADRACE_TOPIC_PREFIX": topic_prefix})


def segments(place: Place, partition: int) -> list[Path]:
    """The files of a partition, oldest first."""
    folder = Path(place.log.removeprefix("file:")) / "interactions" / f"{partition:05d}"
    return sorted(folder.glob("*.avro"))


def test_a_damaged_segment_is_named_and_nothing_is_lost_once_it_is_mended(file_place: Place) -> None:
    first, second = parts(2)
    write(file_place, first)
    write(file_place, second)
    broken = segments(file_place, 2)[1]
    whole = broken.read_bytes()
    broken.write_bytes(whole[:1000] + b"\x00\x01\x02" + whole[1003:])
    assert f"segment {broken} is damaged" in ran(file_place).sentence()
    broken.write_bytes(whole)
    ran(file_place).went_well()
    assert not wrong_vectors([*first, *second], file_place)


def test_records_that_retention_removed_from_a_file_log(file_place: Place) -> None:
    """What is still read when the files go is one thing; where to go on from after a pause is another."""
    first, second, third = parts(3)
    write(file_place, first)
    ran(file_place).went_well()
    write(file_place, second)
    write(file_place, third)
    for partition in range(PARTITIONS):
        for old in segments(file_place, partition)[:2]:
            old.unlink()
    said = ran(file_place).sentence()
    assert "topic 'interactions', partition " in said
    assert "is gone, retention has removed everything below" in said


def test_records_that_retention_removed_from_kafka(kafka_place: Place, kafka: Broker) -> None:
    first, second = parts(2)
    write(kafka_place, first)
    ran(kafka_place).went_well()
    write(kafka_place, second)
    topic = f"{kafka_place.settings.topic_prefix}interactions"
    end = sum(1 for one in [*first, *second] if one.partition == 1)
    [removed] = kafka.admin.delete_records([TopicPartition(topic, 1, end - 3)]).values()
    removed.result()
    gone = sum(1 for one in first if one.partition == 1)
    said = ran(kafka_place).sentence()
    assert f"partition 1: offset {gone} is gone, retention has removed everything below {end - 3}" in said


def test_a_file_log_that_was_made_anew(file_place: Place) -> None:
    [first] = parts(1)
    write(file_place, first)
    ran(file_place).went_well()
    shutil.rmtree(Path(file_place.log.removeprefix("file:")) / "interactions")
    write(file_place, first[:20])
    assert "is beyond the end of the log" in ran(file_place).sentence()


def test_a_kafka_topic_that_was_made_anew(kafka_place: Place, kafka: Broker) -> None:
    [first] = parts(1)
    write(kafka_place, first)
    ran(kafka_place).went_well()
    topic = f"{kafka_place.settings.topic_prefix}interactions"
    [deleted] = kafka.admin.delete_topics([topic]).values()
    deleted.result()
    write(kafka_place, [])
    said = ran(kafka_place).sentence()
    assert "is beyond the end of the log, 0: the topic was deleted and made anew" in said
