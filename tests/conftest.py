"""What every test may ask for: a Kafka broker, a Redis, names that no other test uses.

A missing service is an error that says what to type, never a skip.
"""

import os
import uuid
from collections.abc import Iterator

import hypothesis
import pytest

from tests.services.broker import Broker
from tests.services.kafka import Kafka
from tests.services.redis import Redis

_SHARED = "SHARED_KAFKA"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--crashes", type=int, default=5, metavar="N", help="random kills in a crash test")


def pytest_configure(config: pytest.Config) -> None:
    """Start the broker here when the tests run in several processes: they share it."""
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        del os.environ[name]
    if config.getoption("numprocesses", default=None) and _SHARED not in os.environ:
        kafka = Kafka()
        config.add_cleanup(kafka.close)
        kafka.start()
        os.environ[_SHARED] = kafka.bootstrap


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """A broker shared by all tests: use your own topics, and `private_kafka` to stop one."""
    if _SHARED in os.environ:
        yield Broker(os.environ[_SHARED])
    else:
        with Kafka() as own:
            yield own


@pytest.fixture
def private_kafka() -> Iterator[Kafka]:
    """A broker of one's own, to be stopped, killed, paused and restarted (3 s to start)."""
    with Kafka() as own:
        yield own


@pytest.fixture
def topic_prefix() -> str:
    """A topic prefix that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}."


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A Redis shared by the tests of one process, one after the other."""
    with Redis() as own:
        yield own


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """Where an empty Redis is, by unix socket."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def private_redis() -> Iterator[Redis]:
    """A Redis of one's own, to be stopped, killed, paused and restarted."""
    with Redis() as own:
        yield own


@pytest.fixture(scope="session")
def crashes(request: pytest.FixtureRequest) -> int:
    """How many random kills a crash test makes (`--crashes`)."""
    number: int = request.config.getoption("--crashes")
    return number


if "CI" not in os.environ:  # there, Hypothesis brings a profile of its own
    hypothesis.settings.register_profile(
        "here", deadline=None, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("here")
