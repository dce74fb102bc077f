"""Several processes share one flow: any number of them, one after the other, leaves what one process leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client

from flows.simulate import simulate_into
from tests.faults.outcome import finished, ran
from tests.flows import cluster, user_sets
from tests.flows.cluster import Cluster
from tests.flows.harness import TRAFFIC, Place, Vectors, simulated, until
from tests.flows.oracle import differences, in_redis
from tests.services.broker import Broker

Traffic = tuple[Path, Vectors]

SLOW = {"HEADRACE_EPOCH_MS": "300", "HEADRACE_FLUSH_MS": "50", "HEADRACE_FRAME_ROWS": "150"}
"""Small frames and short epochs, so that a stop falls into the middle of the log."""


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Traffic:
    folder = tmp_path_factory.mktemp("cluster")
    return folder, simulated(folder)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis_client.Redis]:
    with redis_client.Redis.from_url(redis_url) as found:
        yield found


def written(client: redis_client.Redis) -> bool:
    """Whether something of the flow's results is there."""
    return next(client.scan_iter("features:post:*", count=1000), None) is not None


def test_two_processes(traffic: Traffic, client: redis_client.Redis, redis_url: str, tmp_path: Path) -> None:
    """Equal to the naive recomputation, and not one row has left the process that read it."""
    folder, wanted = traffic
    place = Place(f"file:{folder}", redis_url, tmp_path)
    cluster.run(place, 2)
    assert not differences(in_redis(client), wanted)
    assert user_sets.in_redis(client) == user_sets.wanted(folder, place)


def test_two_processes_on_kafka(
    kafka: Broker, topic_prefix: str, traffic: Traffic, redis_url: str, tmp_path: Path
) -> None:
    """The same through a real broker."""
    place = Place(f"kafka://{kafka.bootstrap}", redis_url, tmp_path, {"HEADRACE_TOPIC_PREFIX": topic_prefix})
    simulate_into(place.settings, TRAFFIC)
    cluster.run(place, 2)
    with redis_client.Redis.from_url(redis_url) as found:
        assert not differences(in_redis(found), traffic[1])


def test_one_two_one(traffic: Traffic, client: redis_client.Redis, redis_url: str, tmp_path: Path) -> None:
    """Stopped in between, each goes on from the saved state: together they read every record exactly once."""
    folder, wanted = traffic
    place = Place(f"file:{folder}", redis_url, tmp_path, SLOW)
    single = place.start()
    until(lambda: written(client))
    single.terminate()
    said, _ = single.communicate(timeout=240)
    assert single.returncode == 0
    read = cluster.records(said)

    before = client.info()["total_commands_processed"]
    both = Cluster.start(place, 2)
    until(lambda: client.info()["total_commands_processed"] > before + 2_000)
    both.processes[1].terminate()
    outcome = both.ended()
    assert [code for code, _ in outcome] == [0, 0], outcome
    read += sum(cluster.records(said) for _, said in outcome)

    last = ran(place, seconds=240)
    last.went_well()
    assert user_sets.in_redis(client) == user_sets.wanted(folder, place)
    read += cluster.records(last.summary)
    whole = Place(f"file:{folder}", redis_url, tmp_path / "whole")
    alone = ran(whole, seconds=240)
    assert read == cluster.records(alone.summary)
    assert not differences(in_redis(client), wanted)


def test_a_process_whose_peer_was_killed_says_so(
    traffic: Traffic, client: redis_client.Redis, redis_url: str, tmp_path: Path
) -> None:
    """It does not wait for ever, and all of them go on when they are started again."""
    folder, wanted = traffic
    place = Place(f"file:{folder}", redis_url, tmp_path, SLOW)
    both = Cluster.start(place, 2)
    until(lambda: written(client))
    both.processes[0].kill()
    _, (code, said) = both.ended()
    assert code == 1
    assert "another process of the cluster went away" in said
    cluster.run(place, 2)
    assert not differences(in_redis(client), wanted)


def test_a_process_waits_for_the_others(traffic: Traffic, redis_url: str, tmp_path: Path) -> None:
    """For a while; it can be stopped meanwhile."""
    place = Place(f"file:{traffic[0]}", redis_url, tmp_path, {"HEADRACE_PEER_WAIT_MS": "500"})
    two = ["--addresses", "h:1,h:2", "--index", "1"]
    assert "process 0 (h:1) did not come within 0.5 s" in ran(place, *two).sentence(1)
    patient = Place(f"file:{traffic[0]}", redis_url, tmp_path)
    waiting = patient.start(*two)
    assert waiting.stderr is not None
    while "waiting for process 0 (h:1)" not in waiting.stderr.readline():
        assert waiting.poll() is None
    waiting.terminate()
    assert finished(waiting).code == 0


def test_what_can_not_be_a_cluster_is_refused(redis_url: str, tmp_path: Path) -> None:
    """Each with a sentence that says what to do."""
    place = Place(f"file:{tmp_path}", redis_url, tmp_path, {"HEADRACE_SHARDS": "2"})
    three = ["--addresses", "h:1,h:2,h:3", "--index", "0"]
    assert "at most as many addresses as the setting shards" in ran(place, *three).sentence(2)
    assert "is not HOST:PORT" in ran(place, "--addresses", "h").sentence(2)
    assert "same address twice" in ran(place, "--addresses", "h:1,h:1").sentence(2)
    assert "--index 2 is not one of the 2" in ran(place, "--addresses", "h:1,h:2", "--index", "2").sentence(2)
    loop = Place(f"file:{tmp_path}", redis_url, tmp_path, {"HEADRACE_ENGINE": "loop"})
    assert 'needs engine = "bytewax"' in ran(loop, "--addresses", "h:1,h:2").sentence(2)
