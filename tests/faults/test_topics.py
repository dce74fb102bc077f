"""Topics that are empty, missing or of another size, on both logs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sinks.open_writer import open_writer
from tests.faults.outcome import ran
from tests.faults.traffic import good, write, wrong_vectors
from tests.flows.harness import Place
from tests.services.broker import Broker
from tests.services.ports import free_port

NOW = 1_760_000_000_000

At = Callable[..., Place]


@pytest.fixture(params=["file", "kafka"])
def at(
    request: pytest.FixtureRequest, kafka: Broker, topic_prefix: str, redis_url: str, tmp_path: Path
) -> At:
    """Makes a place in an empty log, with more settings if given."""

    def place(**more: str) -> Place:
        where = kafka.url if request.param == "kafka" else f"file:{tmp_path / 'log'}"
        prefix = topic_prefix if request.param == "kafka" else ""
        return Place(where, redis_url, tmp_path / "state", {"HEADRACE_TOPIC_PREFIX": prefix, **more})

    return place


def test_an_empty_topic_ends_well_and_is_followed_later(at: At) -> None:
    place = at()
    write(place, [])
    ran(place).went_well()
    clean = good(NOW)
    write(place, clean)
    ran(place).went_well()
    assert not wrong_vectors(clean, place)


def test_a_missing_topic_is_named(at: At) -> None:
    said = ran(at()).sentence()
    assert "interactions' is not in" in said
    assert "headrace topics --create" in said


def test_another_number_of_partitions_is_told(at: At) -> None:
    """Reading four partitions as five would place every record wrongly."""
    write(at(), good(NOW))
    said = ran(at(HEADRACE_PARTITIONS="5")).sentence()
    assert "'interactions' has 4 partitions and the setting partitions is 5" in said


def test_dead_letters_of_another_size_are_told(at: At) -> None:
    """They lie in the partition that they came from."""
    place = at()
    write(place, good(NOW))
    writer = open_writer(place.settings)
    writer.create(["dead_letters"], 2)
    writer.close()
    assert "dead_letters' has 2 partitions and 4 are wanted" in ran(place).sentence()


def test_a_broker_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    where = f"127.0.0.1:{free_port()}"
    place = Place(f"kafka://{where}", "unix:///nowhere", tmp_path, {"HEADRACE_KAFKA_RETRY_MS": "1000"})
    said = ran(place).sentence()
    assert f"Kafka at {where} did not answer for 1 s" in said
    assert "start it, or correct `log`" in said
