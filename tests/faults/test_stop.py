"""A stop that is asked for while Redis or Kafka is away: the flow ends soon all the same, and nothing is lost."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults.outcome import Outcome, finished, ran
from tests.faults.traffic import Message, good, write, wrong_vectors
from tests.flows.harness import Place, until
from tests.services.redis import Redis

NOW = 1_760_000_000_000
FIRST, SECOND = good(NOW), good(NOW + 60_000, seed=2, first_id=1_000)
SOON_S = 20.0
QUICK = {"HEADRACE_EPOCH_MS": "200", "HEADRACE_FLUSH_MS": "10", "HEADRACE_STOP_MS": "500"}


def started(place: Place, redis: Redis, messages: list[Message]) -> subprocess.Popen[str]:
    """A live run that has written the vectors of `messages`."""
    write(place, messages)
    process = place.start()
    with redis.client() as client:
        until(lambda: client.dbsize() > 30)
    return process


def stopped(process: subprocess.Popen[str], after: str) -> Outcome:
    """The end of a run that is told to stop once it says `after`."""
    assert process.stderr is not None
    line = ""
    while after not in line:
        line = process.stderr.readline()
        assert line, "it ended by itself"
    process.send_signal(signal.SIGTERM)
    return finished(process, SOON_S)


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_redis_is_gone(engine: str, private_redis: Redis, tmp_path: Path) -> None:
    place = Place(
        f"file:{tmp_path / 'log'}",
        private_redis.url,
        tmp_path / "state",
        {**QUICK, "HEADRACE_ENGINE": engine},
    )
    process = started(place, private_redis, FIRST)
    private_redis.kill()
    write(place, SECOND)
    said = stopped(process, "waiting for Redis at").sentence()
    assert said.startswith(f"Redis at {private_redis.url} did not answer for 0.5 s")
    private_redis.start()
    ran(place).went_well()
    assert not wrong_vectors([*FIRST, *SECOND], place)


def test_redis_hangs(private_redis: Redis, tmp_path: Path) -> None:
    """It holds the connection and says nothing."""
    place = Place(f"file:{tmp_path / 'log'}", private_redis.url, tmp_path / "state", QUICK)
    process = started(place, private_redis, FIRST)
    private_redis.process.pause()
    write(place, SECOND)
    said = stopped(process, "waiting for Redis at").sentence()
    assert said.startswith(f"Redis at {private_redis.url} did not answer for 0.5 s")
    private_redis.process.resume()
    ran(place).went_well()
    assert not wrong_vectors([*FIRST, *SECOND], place)
