"""Redis stopped for ten seconds, Kafka restarted and killed, while a flow runs: it waits, and loses nothing."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.outcome import finished
from tests.faults.traffic import Message, good, write, wrong_vectors
from tests.flows.harness import Place, until
from tests.services.kafka import Kafka
from tests.services.redis import Redis

NOW = 1_760_000_000_000
PARTS = [good(NOW + 60_000 * part, seed=part, first_id=1_000 * part + 1) for part in range(4)]
QUICK = {"HEADRACE_EPOCH_MS": "200", "HEADRACE_FLUSH_MS": "20", "HEADRACE_FLUSH_SLOW_MS": "50"}
OUTAGE_S = 10.0


def written(parts: int) -> list[Message]:
    """The messages of the first parts."""
    return [one for part in PARTS[:parts] for one in part]


def all_there(process: subprocess.Popen[str], parts: int, place: Place) -> None:
    """Wait until Redis holds just what these parts lead to."""
    until(lambda: process.poll() is not None or not wrong_vectors(written(parts), place))


@pytest.mark.parametrize("kind", ["hangs", "restarts"])
def test_redis_stops_for_ten_seconds(kind: str, private_redis: Redis, tmp_path: Path) -> None:
    """What comes meanwhile is written as soon as it is back."""
    place = Place(f"file:{tmp_path / 'log'}", private_redis.url, tmp_path / "state", QUICK)
    write(place, PARTS[0])
    process = place.start()
    all_there(process, 1, place)
    if kind == "hangs":
        private_redis.process.pause()
    else:
        private_redis.stop(keep=True)
    back_at = time.monotonic() + OUTAGE_S
    write(place, PARTS[1])
    until(lambda: time.monotonic() > back_at)
    if kind == "hangs":
        private_redis.process.resume()
    else:
        private_redis.start()
    all_there(process, 2, place)
    process.send_signal(signal.SIGTERM)
    outcome = finished(process)
    outcome.went_well()
    assert "waiting for Redis at" in outcome.said


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[Kafka]:
    """A broker of this module's own."""
    with Kafka() as broker:
        yield broker


@pytest.mark.parametrize("kind", ["restarts", "is killed", "hangs"])
def test_kafka_stops(kind: str, own_kafka: Kafka, redis_url: str, tmp_path: Path) -> None:
    """In the middle of a live run, which reads what comes after it is back without being started again."""
    more = {**QUICK, "HEADRACE_TOPIC_PREFIX": f"{kind.replace(' ', '-')}."}
    place = Place(own_kafka.url, redis_url, tmp_path / "state", more)
    write(place, PARTS[0])
    process = place.start()
    all_there(process, 1, place)
    if kind == "restarts":
        own_kafka.stop()
        own_kafka.start()
    elif kind == "is killed":
        own_kafka.kill()
        own_kafka.start()
    else:
        own_kafka.process.pause()
        own_kafka.process.resume()
    write(place, PARTS[1])
    all_there(process, 2, place)
    process.send_signal(signal.SIGTERM)
    finished(process).went_well()


def test_a_stop_while_kafka_is_gone(own_kafka: Kafka, redis_url: str, tmp_path: Path) -> None:
    """Everything that was read is in Redis and in the state: nothing is missing, and the next run goes on."""
    place = Place(own_kafka.url, redis_url, tmp_path / "state", {**QUICK, "HEADRACE_TOPIC_PREFIX": "stop."})
    write(place, PARTS[0])
    process = place.start()
    all_there(process, 1, place)
    own_kafka.kill()
    process.send_signal(signal.SIGTERM)
    finished(process, seconds=20.0).went_well()
    own_kafka.start()
    write(place, PARTS[1])
    process = place.start()
    all_there(process, 2, place)
    process.send_signal(signal.SIGTERM)
    finished(process).went_well()


def test_a_kafka_that_stays_away_is_one_sentence(own_kafka: Kafka, redis_url: str, tmp_path: Path) -> None:
    more = {**QUICK, "HEADRACE_TOPIC_PREFIX": "away.", "HEADRACE_KAFKA_RETRY_MS": "3000"}
    place = Place(own_kafka.url, redis_url, tmp_path / "state", more)
    write(place, PARTS[0])
    process = place.start()
    all_there(process, 1, place)
    own_kafka.kill()
    said = finished(process).sentence()
    assert said.startswith(f"Kafka at {own_kafka.bootstrap} did not answer for 3 s (")
    own_kafka.start()
