"""`kill -9` at random moments: Redis ends as the uninterrupted run leaves it."""

import random
from pathlib import Path

import pytest
import redis as redis_client

from sources.simulate import Dirt, Traffic
from tests.flows.harness import PARTITIONS, Place, simulated
from tests.flows.oracle import differences, in_redis

TRAFFIC = Traffic(users=2_000, hours=3, rate=200, seed=9, partitions=PARTITIONS, dirt=Dirt().times(4))
LONGEST_RUN_S = 4.0

SLOW = {"HEADRACE_EPOCH_MS": "100", "HEADRACE_FLUSH_MS": "10", "HEADRACE_FRAME_ROWS": "50"}
"""Small frames and short epochs, so that a kill falls between many snapshots."""


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_kills_lose_and_double_nothing(engine: str, crashes: int, redis_url: str, tmp_path: Path) -> None:
    """After each kill the next run goes on from the last snapshot; the vectors equal the naive ones."""
    wanted = simulated(tmp_path / "log", TRAFFIC)
    chance = random.Random(crashes)
    place = Place(
        f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state", {**SLOW, "HEADRACE_ENGINE": engine}
    )
    killed = 0
    for _ in range(crashes):
        killed += place.kill_after(chance.uniform(0.3, LONGEST_RUN_S)) == -9
    place.run()
    assert killed, "no run was still under way when it was to be killed"
    with redis_client.Redis.from_url(redis_url) as client:
        assert not differences(in_redis(client), wanted)
