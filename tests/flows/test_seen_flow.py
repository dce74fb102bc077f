"""What users have seen, hidden and muted, from a log to Redis: both engines, killed on the way, and after a loss."""

from pathlib import Path

import pytest
import redis as redis_client

from flows.run import run
from schemas.constants import SEEN_DAYS
from tests.flows.harness import Place, Vectors
from tests.flows.oracle import judged
from tests.operators import naive_hidden, naive_seen
from tests.services.redis import Redis

Traffic = tuple[Path, Vectors]
Sets = dict[str, set[int]]


def wanted(folder: Path, place: Place) -> Sets:
    """Bits of each filter, numbered as `GETBIT` does, and members of each set, by key."""
    truth = judged(folder, place.settings)
    oldest = truth.clock // naive_seen.DAY_MS - SEEN_DAYS
    found = {
        f"seen:{{{user}}}:{day}": {7, *(bit + 16 for bit in bits)}
        for (user, day), bits in naive_seen.seen(truth.events).items()
        if day >= oldest
    }
    for kind in ("hidden", "muted"):
        found |= {
            f"{kind}:{{{user}}}": items for user, items in naive_hidden.sets(kind, truth.events).items()
        }
    return found


def in_redis(client: redis_client.Redis) -> Sets:
    """The same as Redis has it."""
    found: Sets = {}
    for kind in ("seen", "hidden", "muted"):
        for name in client.scan_iter(f"{kind}:*", count=10_000):
            if kind == "seen":
                value = client.get(name)
                assert isinstance(value, bytes)
                found[name.decode()] = naive_seen.bits_in(value)
            else:
                found[name.decode()] = {int(item) for item in client.smembers(name)}
            assert client.ttl(name) > 0
    return found


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
