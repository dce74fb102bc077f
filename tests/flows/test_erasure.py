"""A null value on `users` erases a user: from Redis, from the state, and from every run after it."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import redis as redis_client

from sinks.open_writer import open_writer
from sources.simulate import Dirt, Traffic
from tests.faults.outcome import ran
from tests.flows import cluster
from tests.flows.harness import PARTITIONS, Place, Vectors, simulated
from tests.flows.oracle import differences, in_redis, judged, placed

TRAFFIC = Traffic(users=300, hours=2.5, rate=200, seed=3, partitions=PARTITIONS, dirt=Dirt())

Log = tuple[Path, Vectors, int]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log, the vectors that it leads to, and the user who did most in it; nobody follows this one as an author."""
    folder = tmp_path / "log"
    wanted = simulated(folder, TRAFFIC)
    events = judged(folder, Place(f"file:{folder}", "embedded:", folder).settings).events
    [(user, _)] = Counter(event["user_id"] for event in events).most_common(1)
    return folder, wanted, user


@pytest.fixture
def client(redis_url: str) -> Iterator[redis_client.Redis]:
    with redis_client.Redis.from_url(redis_url) as found:
        yield found


def erase(place: Place, user: int, append_ms: int) -> None:
    """Write the null value."""
    writer = open_writer(place.settings)
    writer.write(
        "users",
        placed(user, PARTITIONS),
        [None],
        [user.to_bytes(8, "big", signed=True)],
        np.array([append_ms]),
    )
    writer.flush()
    writer.close()


def in_state(state: Path, user: int) -> list[str]:
    """Tables of any chunk file, named by a manifest or not, with a row that names the user; not who was erased."""
    found = []
    for file in state.rglob("*.arrow"):
        if file.name.startswith("erased-"):
            continue
        table = pa.ipc.open_file(file).read_all()
        for name, values in zip(table.column_names, table.columns, strict=True):
            if name != "event_id" and pa.types.is_int64(values.type) and user in values.to_pylist():
                found.append(f"{file.parent.parent.name}/{file.name}: {name}")
    return found


def in_store(client: redis_client.Redis, user: int) -> list[str]:
    """Keys of the user, and hashes and sets of others that name the user as an author."""
    text = str(user).encode()
    found = [key.decode() for key in client.scan_iter("*") if names(key.decode(), user)]
    found += [key.decode() for key in client.scan_iter("affinity:*") if client.hexists(key, text)]
    return found + [key.decode() for key in client.scan_iter("muted:*") if client.sismember(key, str(user))]


def others(wanted: Vectors, user: int) -> Vectors:
    """The vectors that have nothing to do with the user."""
    return {key: value for key, value in wanted.items() if not names(key, user)}


def names(key: str, user: int) -> bool:
    """Whether the user is in a key, or in a key and field."""
    return str(user) in re.split(r"[:{} ]", key)


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_a_user_is_erased_from_everything(
    engine: str, log: Log, client: redis_client.Redis, redis_url: str, tmp_path: Path
) -> None:
    """In a run that goes on, with the state of the one before; all others stay as they were."""
    folder, wanted, user = log
    place = Place(f"file:{folder}", redis_url, tmp_path / "state", {"HEADRACE_ENGINE": engine})
    place.run()
    assert in_store(client, user)
    assert in_state(place.state, user)
    erase(place, user, append_ms=4_000_000_000_000)
    ran(place, seconds=240).went_well()
    assert in_store(client, user) == []
    assert in_state(place.state, user) == []
    assert not differences(in_redis(client), others(wanted, user))


def test_a_replay_never_meets_the_user(
    log: Log, client: redis_client.Redis, redis_url: str, tmp_path: Path
) -> None:
    """The null value is read first, by one process or by two."""
    folder, wanted, user = log
    for processes in (1, 2):
        place = Place(f"file:{folder}", redis_url, tmp_path / f"state-{processes}")
        erase(place, user, append_ms=4_000_000_000_000)
        cluster.run(place, processes)
        assert in_store(client, user) == []
        assert in_state(place.state, user) == []
        assert not differences(in_redis(client), others(wanted, user))
        client.flushall()


def test_only_what_was_before_the_erasure_is_forgotten(
    log: Log, client: redis_client.Redis, redis_url: str, tmp_path: Path
) -> None:
    """One that took place before all events erases none of them."""
    folder, wanted, user = log
    place = Place(f"file:{folder}", redis_url, tmp_path / "state")
    erase(place, user, append_ms=1)
    place.run()
    assert not differences(in_redis(client), wanted)
