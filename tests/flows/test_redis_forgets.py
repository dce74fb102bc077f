"""A Redis that comes back without its data gets everything again."""

from pathlib import Path

import pytest

from schemas.registry import Registry
from tests.flows.harness import Place, Vectors, until
from tests.flows.oracle import differences, in_redis
from tests.services.redis import Redis

Traffic = tuple[Path, Vectors]


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_while_the_flow_runs(engine: str, traffic: Traffic, private_redis: Redis, tmp_path: Path) -> None:
    """Restarted empty in the middle of a run."""
    folder, wanted = traffic
    slow = {"HEADRACE_ENGINE": engine, "HEADRACE_FRAME_ROWS": "50", "HEADRACE_FLUSH_MS": "10"}
    process = Place(f"file:{folder}", private_redis.url, tmp_path, slow).start("--until-end")
    with private_redis.client() as client:
        until(lambda: client.dbsize() > 100)
        private_redis.restart(keep=False)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert not differences(in_redis(client), wanted)


def test_while_no_flow_runs(traffic: Traffic, private_redis: Redis, tmp_path: Path) -> None:
    """The next run sees that it is another server, and writes again what it had written to the one before."""
    folder, wanted = traffic
    place = Place(f"file:{folder}", private_redis.url, tmp_path)
    place.run()
    private_redis.restart(keep=False)
    place.run()
    with private_redis.client() as client:
        assert not differences(in_redis(client), wanted)
        assert client.exists(f"feature_set:{Registry.load().version}")
