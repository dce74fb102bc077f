"""A Redis that refuses, is full, or is not there: one sentence, and once it is mended all is as it should be."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.outcome import ran
from tests.faults.traffic import good, write, wrong_vectors
from tests.flows.harness import Place
from tests.services.ports import free_port
from tests.services.redis import Redis

NOW = 1_760_000_000_000
ENGINES = pytest.mark.parametrize("engine", ["bytewax", "loop"])


@pytest.fixture
def place(private_redis: Redis, tmp_path: Path) -> Place:
    made = Place(f"file:{tmp_path / 'log'}", private_redis.url, tmp_path / "state")
    write(made, good(NOW))
    return made


@ENGINES
def test_full(engine: str, place: Place, private_redis: Redis) -> None:
    place = replace(place, more={"HEADRACE_ENGINE": engine})
    with private_redis.client() as client:
        client.config_set("maxmemory", "100kb")
        said = ran(place).sentence()
        client.config_set("maxmemory", "0")
    assert said.startswith("Redis is full (it has reached maxmemory): raise maxmemory")
    ran(place).went_well()
    assert not wrong_vectors(good(NOW), place)


@ENGINES
def test_a_wrong_password(engine: str, place: Place) -> None:
    with Redis(password="right") as guarded:
        there = replace(place, redis=guarded.url, more={"HEADRACE_ENGINE": engine})
        wrong = replace(there, more={**there.more, "HEADRACE_REDIS_PASSWORD": "wrong"})
        said = ran(wrong).sentence()
        assert said.startswith("Redis refuses the password: check HEADRACE_REDIS_PASSWORD")
        assert "wrong" not in said
        missing = replace(there, redis=there.redis.replace(":right@", ""))
        assert ran(missing).sentence().startswith("Redis wants a password: set HEADRACE_REDIS_PASSWORD")
        ran(there).went_well()
        assert not wrong_vectors(good(NOW), there)


@ENGINES
@pytest.mark.parametrize("url", ["unix:///nowhere/redis.sock", "redis://127.0.0.1:{port}"])
def test_not_there(engine: str, url: str, place: Place) -> None:
    """It is waited for, `redis_retry_ms` long."""
    url = url.format(port=free_port())
    away = replace(place, redis=url, more={"HEADRACE_ENGINE": engine, "HEADRACE_REDIS_RETRY_MS": "500"})
    said = ran(away).sentence()
    assert said.startswith(f"Redis at {url} did not answer for 0.5 s")
    assert said.endswith("start it, or check the setting redis")


def test_a_user_who_may_not_write(place: Place, private_redis: Redis) -> None:
    with private_redis.client() as client:
        client.acl_setuser("reader", enabled=True, passwords=["+r"], categories=["+@read"], keys=["*"])
    there = replace(place, redis=f"unix://reader:r@{private_redis.socket}")
    assert ran(there).sentence().startswith("Redis does not let this user write")
