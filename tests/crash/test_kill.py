"""`kill -9` at random moments: Redis ends as the uninterrupted run leaves it."""

import random
import signal
from itertools import count
from pathlib import Path

import pytest
import redis as redis_client

from sources.simulate import Dirt, Traffic
from tests.flows.harness import PARTITIONS, Place, simulated
from tests.flows.oracle import differences, in_redis
from tests.flows.user_sets import in_redis as sets_in_redis
from tests.flows.user_sets import wanted as wanted_sets

TRAFFIC = Traffic(users=800, hours=2.5, rate=200, seed=9, partitions=PARTITIONS, dirt=Dirt().times(4))
SHORTEST_RUN_S, LONGEST_RUN_S = 0.8, 3.0

SLOW = {"HEADRACE_EPOCH_MS": "100", "HEADRACE_FLUSH_MS": "10", "HEADRACE_FRAME_ROWS": "50"}
"""Small frames and short epochs, so that a kill falls between many snapshots."""


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_kills_lose_and_double_nothing(engine: str, crashes: int, redis_url: str, tmp_path: Path) -> None:
    """After each kill the next run goes on from the last snapshot; the vectors equal the naive ones.

    A run that ends before it is killed is compared, and the log is read again from its start.
    """
    log = tmp_path / "log"
    wanted = simulated(log, TRAFFIC)
    chance = random.Random(crashes)
    more = {**SLOW, "HEADRACE_ENGINE": engine}
    places = (Place(f"file:{log}", redis_url, tmp_path / f"state-{number}", more) for number in count())
    place = next(places)
    sets = wanted_sets(log, place)
    killed = 0
    with redis_client.Redis.from_url(redis_url) as client:
        while killed < crashes:
            code = place.kill_after(chance.uniform(SHORTEST_RUN_S, LONGEST_RUN_S))
            killed += code == -signal.SIGKILL
            if code == 0:
                assert not differences(in_redis(client), wanted), f"after {killed} kills"
                client.flushall()
                place = next(places)
        place.run()
        assert not differences(in_redis(client), wanted)
        assert sets_in_redis(client) == sets
