from pathlib import Path

import pytest

from flows.checks.finding import Finding
from flows.checks.redis import check_redis
from schemas.settings import load
from sinks import embedded_redis
from tests.services.redis import Redis


def check(url: str, **overrides: object) -> list[Finding]:
    return check_redis(load(overrides={"redis": url, **overrides}))


def worst(findings: list[Finding]) -> list[tuple[str, str]]:
    return [
        (finding.level, f"{finding.text}: {finding.advice}") for finding in findings if finding.level != "ok"
    ]


def test_a_redis_in_order_is_all_ok(redis_url: str) -> None:
    found = check(redis_url)
    assert worst(found) == []
    assert {finding.subject for finding in found} == {"redis", "clock"}


def test_evicting_fails_where_memory_is_limited(private_redis: Redis) -> None:
    with private_redis.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        [(level, text)] = worst(check(private_redis.url))
        assert (level, text) == (
            "warn",
            "maxmemory-policy is allkeys-lru: it may drop keys that readers count on: set it to noeviction",
        )
        client.config_set("maxmemory", "1gb")
        assert [level for level, _ in worst(check(private_redis.url))] == ["fail"]


def test_little_memory_left_is_a_warning(private_redis: Redis) -> None:
    with private_redis.client() as client:
        client.config_set("maxmemory", int(client.info("memory")["used_memory"]))
    [(level, text)] = worst(check(private_redis.url))
    assert level == "warn"
    assert "raise maxmemory" in text


@pytest.mark.parametrize(("cap", "bad"), [(115, False), (116, True)])
def test_inboxes_that_outgrow_a_listpack_are_a_warning(redis_url: str, cap: int, bad: bool) -> None:
    found = worst(check(redis_url, **{"inbox.cap": cap}))
    assert [("an inbox holds up to 129" in text) for _, text in found] == ([True] if bad else [])


def test_a_replica_fails(private_redis: Redis) -> None:
    with private_redis.client() as client:
        client.replicaof("127.0.0.1", "1")
    assert ("fail", "it is a replica, which takes no writes: name its master in redis") in worst(
        check(private_redis.url)
    )


def test_no_answer_fails(tmp_path: Path) -> None:
    [(level, text)] = worst(check(f"unix://{tmp_path}/none.sock"))
    assert level == "fail"
    assert "start it, or check the setting redis" in text


def test_the_embedded_one_is_startable_or_looked_at(tmp_path: Path) -> None:
    url = f"embedded:{tmp_path}"
    [finding] = check(url)
    assert finding.level == "ok"
    assert "a flow starts" in finding.text
    embedded_redis.ensure(tmp_path)
    found = check(url)
    assert worst(found) == []
    assert len(found) > 1
    embedded_redis.stop(tmp_path)


def test_no_server_to_start_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    [finding] = check(f"embedded:{tmp_path}")
    assert finding.level == "fail"
    assert "apt-get install redis-server" in finding.text
