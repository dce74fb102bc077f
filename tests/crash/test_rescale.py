"""`kill -9` at random moments, with another number of processes after each: Redis ends as one run leaves it."""

import random
import subprocess
from itertools import count
from pathlib import Path

import redis as redis_client

from sources.simulate import Dirt, Traffic
from tests.flows.cluster import Cluster, run
from tests.flows.harness import PARTITIONS, Place, simulated
from tests.flows.oracle import differences, in_redis
from tests.flows.user_sets import in_redis as sets_in_redis
from tests.flows.user_sets import wanted as wanted_sets

TRAFFIC = Traffic(users=800, hours=2.5, rate=200, seed=11, partitions=PARTITIONS, dirt=Dirt().times(4))
SHORTEST_RUN_S, LONGEST_RUN_S = 1.5, 5.0
SIZES = (1, 2)

SLOW = {"HEADRACE_EPOCH_MS": "200", "HEADRACE_FLUSH_MS": "10", "HEADRACE_FRAME_ROWS": "150"}
"""Small frames and short epochs, so that a kill falls between many snapshots."""


def killed(cluster: Cluster, chance: random.Random) -> bool:
    """Kill one process or all at a random moment; returns False if the flow had ended well before."""
    first, *_ = cluster.processes
    try:
        first.wait(chance.uniform(SHORTEST_RUN_S, LONGEST_RUN_S))
    except subprocess.TimeoutExpired:
        chance.choice(cluster.processes).kill()
        if chance.random() < 0.5:
            cluster.kill()
    codes = [code for code, _ in cluster.ended()]
    return any(codes)


def test_kills_and_rescaling_lose_and_double_nothing(crashes: int, redis_url: str, tmp_path: Path) -> None:
    """After each kill as many processes as chance has it go on from the last snapshot."""
    log = tmp_path / "log"
    wanted = simulated(log, TRAFFIC)
    chance = random.Random(crashes)
    places = (Place(f"file:{log}", redis_url, tmp_path / f"state-{number}", SLOW) for number in count())
    place = next(places)
    sets = wanted_sets(log, place)
    blows = 0
    with redis_client.Redis.from_url(redis_url) as client:
        while blows < crashes:
            if killed(Cluster.start(place, chance.choice(SIZES), "--until-end"), chance):
                blows += 1
            else:
                assert not differences(in_redis(client), wanted), f"after {blows} kills"
                client.flushall()
                place = next(places)
        run(place, chance.choice(SIZES))
        assert not differences(in_redis(client), wanted)
        assert sets_in_redis(client) == sets
