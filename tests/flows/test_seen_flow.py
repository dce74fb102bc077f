"""What users have seen, hidden and muted, from a log to Redis: both engines, killed on the way, and after a loss."""

from pathlib import Path

import pytest
import redis as redis_client

from flows.run import run
from tests.flows.harness import Place, Vectors
from tests.flows.user_sets import in_redis, wanted
from tests.services.redis import Redis

Traffic = tuple[Path, Vectors]


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_a_file_log(engine: str, traffic: Traffic, redis_url: str, tmp_path: Path) -> None:
    folder, _ = traffic
    place = Place(
        f"file:{folder}", redis_url, tmp_path, {"HEADRACE_ENGINE": engine, "HEADRACE_FRAME_ROWS": "700"}
    )
    run("windows", place.settings, until_end=True)
    expected = wanted(folder, place)
    assert {name.split(":")[0] for name in expected} == {"seen", "hidden", "muted"}
    with redis_client.Redis.from_url(redis_url) as client:
        assert in_redis(client) == expected


def test_killed_and_run_again_over_a_redis_that_lost_its_data(
    traffic: Traffic, private_redis: Redis, tmp_path: Path
) -> None:
    folder, _ = traffic
    place = Place(f"file:{folder}", private_redis.url, tmp_path, {"HEADRACE_EPOCH_MS": "200"})
    for seconds in (1.5, 2.5):
        place.kill_after(seconds)
    private_redis.restart(keep=False)
    place.run()
    with private_redis.client() as client:
        assert in_redis(client) == wanted(folder, place)
