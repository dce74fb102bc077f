"""`headrace features KIND ID` and `headrace trending`: what Redis holds, for people and for programs."""

import json

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from flows.cli import headrace
from schemas.effects import AffinitySet, Trending, VectorSet
from schemas.errors import HeadraceError
from schemas.registry import Registry
from schemas.settings import load
from sinks.redis import RedisSink

REGISTRY = Registry.load()
NAMES = [feature.name for feature in REGISTRY.entity("post")]
SAID = {"post_clicks_1h": 1234.0, "post_ctr_1h": 0.25, "post_velocity_5m": 80.0, "post_velocity_24h": 10.0}


@pytest.fixture
def filled(redis_url: str) -> str:
    row = [SAID.get(name, float("nan") if "dwell" in name else 0.0) for name in NAMES]
    values = np.array([row, row], np.float32)
    vectors = VectorSet(
        "post", np.array([-5, 7]), np.full(2, 1_577_836_800_123), values, np.zeros(2, np.bool_)
    )
    sink = RedisSink.from_settings(load(overrides={"redis": redis_url}), REGISTRY.version)
    sink.write([vectors, Trending("all", np.array([-5, 7, 8]), np.array([60.0, 80.0, 1.0]))])
    sink.flush()
    sink.close()
    return redis_url


def run(*words: str) -> str:
    result = CliRunner().invoke(headrace, words, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_a_vector_for_programs(filled: str) -> None:
    vector = json.loads(run("features", "post", "-5", "--redis", filled, "--json"))
    assert list(vector["features"]) == NAMES
    assert vector["features"]["post_ctr_1h"] == 0.25
    assert vector["features"]["post_dwell_p50_ms_24h"] is None
    assert vector["as_of_ms"] == 1_577_836_800_123


def test_a_vector_for_people(filled: str) -> None:
    lines = run("features", "post", "-5", "--redis", filled).splitlines()
    assert lines[0] == "post -5  as of 2020-01-01 00:00:00.123 UTC"
    heading = next(line for line in lines if line.startswith("feature"))
    assert heading.split()[1:5] == ["5m", "30m", "1h", "24h"]
    clicks = next(line for line in lines if line.startswith("clicks"))
    assert clicks[: heading.index("1h") + 2].split()[-1] == "1,234"
    assert any(line.startswith("ctr ") and "25.00 %" in line for line in lines)


@pytest.fixture
def close(redis_url: str) -> str:
    """What user 7 is to two authors and to one type."""
    sink = RedisSink.from_settings(load(overrides={"redis": redis_url}), REGISTRY.version)
    values = np.array([[1.0] * 11 + [float("nan")], [0.5] * 12], np.float32)
    times, no = np.array([1_577_836_800_123, 1_577_836_900_000]), np.zeros(2, np.bool_)
    users, nobody = np.array([7, 7]), np.empty(0, np.int64)
    sink.write(
        [
            AffinitySet("user_author", users, pa.array([-5, 12]), times, values, no, no, nobody),
            AffinitySet(
                "user_type", users[:1], pa.array(["video"]), times[:1], values[:1], no[:1], no[:1], nobody
            ),
        ]
    )
    sink.flush()
    sink.close()
    return redis_url


def test_affinity_for_programs(close: str) -> None:
    found = json.loads(run("features", "affinity", "7", "--redis", close, "--json"))
    assert [(pair["author_id"], pair["as_of_ms"]) for pair in found["pairs"]] == [
        (12, 1_577_836_900_000),
        (-5, 1_577_836_800_123),
    ]
    assert list(found["pairs"][0]["features"]) == [one.name for one in REGISTRY.entity("user_author")]
    assert found["pairs"][1]["features"]["user_author_dwell_mean_ms_30d"] is None
    assert found["pairs"][0]["features"]["user_author_ctr_7d"] == 0.5


def test_affinity_for_people(close: str) -> None:
    lines = run("features", "affinity_type", "7", "--redis", close).splitlines()
    assert lines[0] == "affinity_type of user 7"
    assert "content_type" in lines[2]
    assert any(line.startswith("video") and "100.00 %" in line for line in lines)


def test_a_user_without_affinity_is_one_sentence(redis_url: str) -> None:
    with pytest.raises(HeadraceError, match=r"no affinity of user 9 \(affinity:\{9\}\)"):
        CliRunner().invoke(
            headrace, ("features", "affinity", "9", "--redis", redis_url), catch_exceptions=False
        )


def test_trending_for_programs(filled: str) -> None:
    found = json.loads(run("trending", "--redis", filled, "--json", "-n", "2"))
    assert [(post["post_id"], post["velocity"]) for post in found["posts"]] == [(7, 80.0), (-5, 60.0)]


def test_trending_for_people(filled: str) -> None:
    lines = [line for line in run("trending", "--redis", filled).splitlines() if line.strip()]
    assert lines[0] == "trending everywhere"
    first, second, third = lines[2:]
    assert first.split()[:4] == ["1", "7", "80", "█" * 20]
    assert second.split()[3] == "█" * 15
    assert "25.00 %" in first
    assert third.split()[-1] == "-"


def test_a_region_that_is_not_there(filled: str) -> None:
    with pytest.raises(HeadraceError, match="no trending posts for br: there is one for all"):
        run("trending", "br", "--redis", filled)
