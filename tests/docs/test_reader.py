"""The example reader in JavaScript reads from Redis what our own reader does: it has the contract to go by."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import Settings, load
from serving.features import read_features
from serving.trending import read_trending
from tests.faults.outcome import ran
from tests.faults.traffic import good, write
from tests.flows.harness import Place
from tests.services.redis import Redis

SCRIPT = Path(__file__).parent.parent.parent / "docs" / "examples" / "reader.js"
NOW = 1_760_000_000_000
PREFIX = "here:"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Redis, Settings]]:
    """A Redis that the flow has filled, under a prefix."""
    folder = tmp_path_factory.mktemp("filled")
    with Redis() as server:
        place = Place(
            f"file:{folder / 'log'}", server.tcp_url, folder / "state", {"HEADRACE_REDIS_PREFIX": PREFIX}
        )
        write(place, good(NOW, count=500))
        ran(place).went_well()
        yield server, place.settings


def read(server: Redis, *words: str) -> subprocess.CompletedProcess[str]:
    """What the script prints for a server."""
    node = shutil.which("node") or shutil.which("nodejs")
    assert node is not None, "node is not on the PATH; type: make services"
    command = [node, str(SCRIPT), f"127.0.0.1:{server.port}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def understood(server: Redis, *words: str) -> Any:
    done = read(server, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_reads_what_our_own_reader_does(filled: tuple[Redis, Settings]) -> None:
    server, settings = filled
    ours = read_trending(settings)
    assert len(ours["posts"]) > 5
    for rank, post in enumerate(ours["posts"]):
        theirs = understood(server, str(post["post_id"]) if rank else "-", "all", PREFIX)
        assert [(int(one["post_id"]), one["velocity"]) for one in theirs["trending"]] == [
            (one["post_id"], one["velocity"]) for one in ours["posts"]
        ]
        found = read_features(settings, "post", post["post_id"])
        assert int(theirs["post_id"]) == post["post_id"]
        assert (theirs["as_of_ms"], theirs["feature_set"]) == (found["as_of_ms"], found["feature_set"])
        assert list(theirs["features"].items()) == list(found["features"].items())


def test_equal_velocities_are_in_the_order_of_ids_that_javascript_numbers_cannot_hold(
    private_redis: Redis,
) -> None:
    """2^53 + 1 and its neighbours, and one that is longer, as ids of posts."""
    ids = [2**53 + 1, 2**53, 10, 9, 2**63 - 1, -5]
    settings = load(env={"HEADRACE_REDIS": private_redis.tcp_url})
    with private_redis.client() as client:
        client.zadd("trending:br", {str(one): 2.5 for one in ids})
    theirs = understood(private_redis, "9", "br")
    assert [int(one["post_id"]) for one in theirs["trending"]] == sorted(ids)
    assert [one["post_id"] for one in read_trending(settings, "br")["posts"]] == sorted(ids)
    assert theirs["features"] is None


def test_an_unknown_layout_counts_as_missing(filled: tuple[Redis, Settings]) -> None:
    server, _ = filled
    with server.client() as client:
        client.set(f"{PREFIX}features:post:987", b"\x02\x00" + bytes(30))
    assert understood(server, "987", "all", PREFIX)["features"] is None


def test_an_error_of_redis_is_said() -> None:
    with Redis(password="secret") as guarded:
        done = read(guarded, "-")
    assert done.returncode == 1
    assert done.stderr.startswith("NOAUTH")
