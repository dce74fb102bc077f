"""Redis stands still while a backlog waits: reading stops, memory is bounded, an alarm is due, and nothing is lost."""

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.asked import ask
from flows.status import Status
from schemas.codec import Codec
from schemas.errors import HeadraceError
from schemas.metrics import UNACKNOWLEDGED
from schemas.partitioner import partition_of
from sinks.open_writer import open_writer
from tests.faults.outcome import finished, ran
from tests.flows.harness import PARTITIONS, Place, until
from tests.operators.events import event, frame
from tests.services.broker import Broker
from tests.services.ports import free_port
from tests.services.redis import Redis

NOW = 1_760_000_000_000
BACKLOG = 100_000
WARM = 20_000
HELD = 4 << 20
BOUND = 100 << 20
"""Bytes by which a flow may grow while it waits. Read at once, the backlog makes it grow by a multiple."""

SETTINGS = {
    "HEADRACE_METRICS__HOST": "127.0.0.1",
    "HEADRACE_EPOCH_MS": "3600000",
    "HEADRACE_FLUSH_MS": "20",
    "HEADRACE_FLUSH_SLOW_MS": "50",
    "HEADRACE_FRAME_ROWS": "2000",
    "HEADRACE_REDIS_HELD_BYTES": str(HELD),
    "HEADRACE_KAFKA_AHEAD_BYTES": str(4 << 20),
}
"""No snapshot comes, which would wait for Redis as well."""


def write(place: Place, first: int, count: int) -> None:
    """Impressions, one of each post, by many users, in the order of time."""
    numbers = np.arange(first, first + count)
    users = numbers * 7919 % 5_000
    partitions = partition_of(users, PARTITIONS)
    writer, codec = open_writer(place.settings), Codec("Interaction")
    writer.create(["interactions"], PARTITIONS)
    for partition in range(PARTITIONS):
        mine = numbers[partitions == partition].tolist()
        rows = [
            event(event_id=one, user_id=one * 7919 % 5_000, post_id=one, author_id=one % 997, at_ms=NOW + one)
            for one in mine
        ]
        values = codec.encode(frame(rows).rows)
        writer.write("interactions", partition, values, append_ms=np.array(mine, np.int64) + NOW)
    writer.flush()
    writer.close()


def rss(pid: int) -> int:
    """Resident memory of a process, bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def unacknowledged(port: int) -> float:
    """The gauge that the alarm is on."""
    with urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        families = text_string_to_metric_families(response.read().decode())
        return next(family for family in families if family.name == UNACKNOWLEDGED.name).samples[0].value


@pytest.fixture
def place(request: pytest.FixtureRequest, private_redis: Redis, topic_prefix: str, tmp_path: Path) -> Place:
    log = f"file:{tmp_path / 'log'}"
    if request.node.callspec.params["log"] == "kafka":
        broker: Broker = request.getfixturevalue("kafka")
        log = broker.url
    more = {**SETTINGS, "HEADRACE_METRICS__PORT": str(free_port()), "HEADRACE_TOPIC_PREFIX": topic_prefix}
    return Place(log, private_redis.url, tmp_path / "state", more)


def contents(server: Redis) -> dict[bytes, bytes]:
    """Every vector, as it is."""
    with server.client() as client:
        names = list(client.scan_iter("features:*", count=10_000))
        return dict(zip(names, client.mget(names), strict=True))


def holds(url: str, condition: Callable[[Status], bool]) -> bool:
    """Whether the flow answers, and its status is such."""
    try:
        return condition(ask(url))
    except HeadraceError:
        return False


def behind(status: Status) -> int:
    return sum(one.behind if one.behind is not None else BACKLOG for one in status.partitions)


def stands_still(status: Status) -> bool:
    """Nothing was read between two looks."""
    return status.redis is not None and status.redis.blocked > 0.95


def all_written(status: Status) -> bool:
    return behind(status) == 0 and status.redis is not None and status.redis.held_bytes == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("engine", "log"), [("bytewax", "file"), ("bytewax", "kafka"), ("loop", "file")])
def test_redis_stands_still(
    engine: str, log: str, place: Place, private_redis: Redis, tmp_path: Path
) -> None:
    place.more["HEADRACE_ENGINE"] = engine
    port = place.settings.metrics.port
    url = f"http://127.0.0.1:{port}"
    write(place, 0, WARM)
    process = place.start()
    try:
        until(lambda: holds(url, lambda one: one.ready and all_written(one)))
        before = rss(process.pid)
        private_redis.process.pause()
        write(place, WARM, BACKLOG)

        until(lambda: holds(url, stands_still))
        stopped = ask(url)
        grown = rss(process.pid) - before
        assert grown < BOUND, f"{grown >> 20} MiB"
        assert stopped.redis is not None
        assert stopped.redis.held_bytes < 8 * HELD
        assert BACKLOG // 2 < behind(stopped) < BACKLOG
        assert {one.why for one in stopped.partitions if one.behind} == {"redis"}
        until(lambda: unacknowledged(port) > 5.0)
        assert sum(one.offset for one in ask(url).partitions) == sum(one.offset for one in stopped.partitions)
        with urlopen(f"{url}/healthz") as response:
            assert json.load(response)["ok"]
        private_redis.process.resume()

        until(lambda: holds(url, all_written), seconds=90)
        assert unacknowledged(port) < 5.0
        process.send_signal(signal.SIGTERM)
        finished(process).went_well()
    finally:
        private_redis.process.resume()
        process.kill()
    with Redis() as other:
        more = {**place.more, "HEADRACE_METRICS__PORT": "0"}
        ran(replace(place, redis=other.url, state=tmp_path / "other", more=more)).went_well()
        wanted = contents(other)
    assert len(wanted) > BACKLOG
    assert contents(private_redis) == wanted
