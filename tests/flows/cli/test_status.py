"""`headrace status`, /healthz, /readyz and /status of a real flow under both engines."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import msgspec
import pytest
from click.testing import CliRunner

from flows.asked import ask
from flows.cli.status import status
from flows.status import Status
from schemas.errors import HeadraceError, UsageError
from tests.faults.traffic import good, write
from tests.flows.harness import PARTITIONS, Place, until
from tests.services.ports import free_port
from tests.services.redis import Redis

ENGINES = pytest.mark.parametrize("engine", ["bytewax", "loop"])
NOW = int(time.time() * 1000)
QUICK = {"HEADRACE_EPOCH_MS": "500", "HEADRACE_FLUSH_MS": "20", "HEADRACE_FLUSH_SLOW_MS": "50"}


def answer(port: int, path: str) -> tuple[int, Any]:
    """Status and JSON of a path; 0 while nothing listens."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)
    except URLError:
        return 0, None


@contextmanager
def running(place: Place) -> Iterator[subprocess.Popen[str]]:
    """The flow, live, until the end of the block."""
    process = place.start()
    try:
        yield process
    finally:
        process.kill()
        _, said = process.communicate()
        assert "Traceback" not in said, said


@pytest.fixture
def place(private_redis: Redis, tmp_path: Path) -> Place:
    more = {**QUICK, "HEADRACE_METRICS__PORT": str(free_port()), "HEADRACE_METRICS__HOST": "127.0.0.1"}
    made = Place(f"file:{tmp_path / 'log'}", private_redis.url, tmp_path / "state", more)
    write(made, good(NOW))
    return made


def port_of(place: Place) -> int:
    return place.settings.metrics.port


def asked(place: Place, *options: str) -> tuple[int, str]:
    """What `headrace status` prints."""
    result = CliRunner().invoke(status, options, env=place.variables, catch_exceptions=True)
    return result.exit_code, result.output


def settled(place: Place) -> Status:
    """The status once everything is read, with a snapshot of it, and nothing has come for a look or two."""
    url = f"http://127.0.0.1:{port_of(place)}"

    def ready() -> bool:
        try:
            found = ask(url)
        except HeadraceError:
            return False
        return (
            found.ready
            and found.snapshot is not None
            and sum(step.rows for step in found.state) > 0
            and [one.behind for one in found.partitions] == [0] * PARTITIONS
        )

    until(ready)
    return ask(url)


@ENGINES
def test_a_flow_that_has_read_everything(engine: str, place: Place) -> None:
    place.more["HEADRACE_ENGINE"] = engine
    with running(place):
        until(lambda: answer(port_of(place), "/readyz")[0] == 200)
        code, alive = answer(port_of(place), "/healthz")
        assert (code, alive["ok"], [check["name"] for check in alive["checks"]]) == (
            200,
            True,
            ["steps", "loop"],
        )
        found = settled(place)
        assert found.records == 200
        assert (found.flow, found.index, found.processes, found.alive) == ("windows", 0, 1, True)
        assert sum(one.offset for one in found.partitions) == 200
        assert max(one.watermark_ms or 0 for one in found.partitions) == NOW
        assert found.slowest == min(
            range(PARTITIONS), key=lambda number: found.partitions[number].watermark_ms or 0
        )
        assert found.snapshot is not None
        assert {step.step for step in found.state} >= {"users", "judge_interactions"}
        assert found.redis is not None
        assert (found.redis.connected, found.redis.held_bytes, found.redis.retries) == (True, 0, 0)

        code, text = asked(place)
        assert code == 0
        assert "ready" in text
        assert "200 records" in text
        assert "slowest   interactions/" in text
        code, text = asked(place, "--json")
        assert msgspec.json.decode(text, type=list[Status])[0].pid == found.pid
        assert (
            len(asked(place, "--all")[1].splitlines()) == len(asked(place)[1].splitlines()) + PARTITIONS - 1
        )


@ENGINES
def test_a_flow_whose_redis_hangs_is_alive_and_says_that_it_is_held_back(
    engine: str, place: Place, private_redis: Redis
) -> None:
    """Reading stops once so much waits as may; what is not read yet waits in the log."""
    place.more.update({"HEADRACE_ENGINE": engine, "HEADRACE_REDIS_HELD_BYTES": "20000"})
    place.more["HEADRACE_METRICS__STUCK_MS"] = "1000"
    with running(place):
        settled(place)
        private_redis.process.pause()
        for part in range(1, 8):
            write(place, good(NOW + part, seed=part, first_id=1_000 * part + 1))

        def held_back() -> bool:
            found = ask(f"http://127.0.0.1:{port_of(place)}")
            return found.slowest is not None and found.partitions[found.slowest].why == "redis"

        until(held_back)
        found = ask(f"http://127.0.0.1:{port_of(place)}")
        assert found.redis is not None
        assert found.redis.unacknowledged_seconds > 0
        assert "Redis is slow" in asked(place)[1]

        def long_still() -> bool:
            checks = {check["name"]: check for check in answer(port_of(place), "/healthz")[1]["checks"]}
            return "waiting for Redis" in checks["loop"]["says"]

        until(long_still)
        assert answer(port_of(place), "/healthz")[0] == 200
        private_redis.process.resume()
        until(
            lambda: [one.behind for one in ask(f"127.0.0.1:{port_of(place)}").partitions] == [0] * PARTITIONS
        )


def test_a_flow_that_waits_for_redis_at_the_start_is_alive_and_not_ready(
    place: Place, private_redis: Redis
) -> None:
    private_redis.kill()
    with running(place):
        until(lambda: answer(port_of(place), "/healthz")[0] == 200)
        code, said = answer(port_of(place), "/readyz")
        assert code == 503
        assert "sinks" in [check["name"] for check in said["checks"] if not check["ok"]]
        private_redis.start()
        until(lambda: answer(port_of(place), "/readyz")[0] == 200)


def test_other_paths_are_named(place: Place) -> None:
    with running(place):
        until(lambda: answer(port_of(place), "/healthz")[0] == 200)
        assert answer(port_of(place), "/health") == (
            404,
            {"error": "try /metrics, /healthz, /readyz, /status"},
        )


def test_nothing_answers() -> None:
    with pytest.raises(
        HeadraceError, match=r"no flow answers at http://127\.0\.0\.1:\d+ \(Connection refused\)"
    ):
        ask(f"http://127.0.0.1:{free_port()}")


def test_one_of_two_processes_answers(place: Place) -> None:
    """What is there is printed, and the other one is an error."""
    gone = f"http://127.0.0.1:{free_port()}"
    with running(place):
        settled(place)
        here = f"http://127.0.0.1:{port_of(place)}"
        result = CliRunner().invoke(status, ["--url", here, "--url", gone], env=place.variables)
        assert "windows on" in result.output
        assert isinstance(result.exception, HeadraceError)
        assert f"no flow answers at {gone}" in str(result.exception)
        result = CliRunner().invoke(status, ["--url", here, "--url", here], env=place.variables)
        assert "slowest of all interactions/" in result.output
        assert result.exit_code == 0


def test_without_a_page_there_is_nobody_to_ask() -> None:
    result = CliRunner().invoke(status, [], env={"HEADRACE_METRICS__PORT": "0"})
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith("metrics.port is 0")


@pytest.mark.parametrize(("body", "says"), [(b"{}", "something else"), (b"<html>", "something else")])
def test_somebody_else_answers(body: bytes, says: str) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    with pytest.raises(HeadraceError, match=says):
        ask(f"http://127.0.0.1:{server.server_port}")
    thread.join()
    server.server_close()


def test_a_url_that_is_none() -> None:
    with pytest.raises(UsageError, match="give --url"):
        ask("ftp://host")
