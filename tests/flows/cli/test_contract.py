"""`headrace topics | keys | features --registry` print what the tables say."""

import json
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result

from flows.cli import headrace
from schemas.errors import UsageError
from schemas.keys import KEYS
from schemas.registry import Registry


def run(*words: str) -> Result:
    return CliRunner().invoke(headrace, words)


def printed(*words: str) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_the_registry_is_printed_as_json() -> None:
    assert printed("features", "--registry") == Registry.load().as_json()


def test_the_registry_is_printed_as_text() -> None:
    output = run("features", "--registry").output
    for feature in Registry.load().features:
        assert f"\n{feature.name} " in output
    assert "smooth(clicks, impressions, p0_ctr)" in output
    assert "\na " in output


@pytest.mark.parametrize("words", [[], ["post"], ["page", "3"]])
def test_features_says_what_it_needs(words: list[str]) -> None:
    assert isinstance(run("features", *words).exception, UsageError)


def test_keys_are_printed_without_a_redis() -> None:
    rows = printed("keys", "--redis", "unix:///nowhere")
    assert [row["key"] for row in rows] == [kind.pattern for kind in KEYS.values()]
    assert {row["memory_bytes"] for row in rows} == {None}
    assert "no answer from Redis" in run("keys", "--redis", "unix:///nowhere").output


def test_keys_measure_an_example_of_each_and_leave_nothing(redis_url: str) -> None:
    memory = {row["key"]: row["memory_bytes"] for row in printed("keys", "--redis", redis_url)}
    vector = 16 + 4 * len(Registry.load().entity("post"))
    assert vector < memory["features:post:<post>"] < vector + 200
    assert memory["inbox:{<user>}"] < 112 * 40
    assert None not in memory.values()
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
