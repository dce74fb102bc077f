"""`headrace erase`: a user goes from Redis and from the state, also as an author; --check finds whatever is left."""

import json
import shutil
import signal
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
import redis as redis_client
from click.testing import CliRunner

from flows.cli import headrace
from flows.erasing import left
from state.chunks import ChunkStore
from state.durable import Durable
from tests.flows.harness import Place, Vectors, until
from tests.flows.oracle import judged
from tests.flows.user_sets import in_redis, wanted
from tests.operators import naive_hidden

Traffic = tuple[Path, Vectors]


def command(place: Place, *words: object) -> tuple[int, str]:
    """How `headrace erase` ends, and what it prints."""
    result = CliRunner(env=place.variables).invoke(
        headrace, ["erase", *map(str, words)], catch_exceptions=False
    )
    return result.exit_code, result.stdout


def people(folder: Path, place: Place) -> tuple[int, int]:
    """A user who has muted somebody, and hidden something if there is one, and the author whom most have muted."""
    events = judged(folder, place.settings).events
    muted, hidden = (naive_hidden.sets(kind, events) for kind in ("muted", "hidden"))
    counts = Counter(author for authors in muted.values() for author in authors)
    author = counts.most_common(1)[0][0]
    return max(muted, key=lambda user: (user != author, user in hidden, user)), author


def found_of(place: Place, user: int) -> tuple[set[str], set[tuple[str, str]]]:
    """Keys, and tables by step, that --check finds."""
    code, said = command(place, user, "--check", "--json")
    places = [one["where"] for one in json.loads(said)["left"]]
    assert code == (1 if places else 0)
    files = [Path(name) for name in places if name.endswith(".arrow")]
    tables = {(path.parts[-3], path.name.rpartition("-")[0]) for path in files}
    return {name for name in places if not name.endswith(".arrow")}, tables


def test_nothing_is_left_of_an_erased_user(traffic: Traffic, redis_url: str, tmp_path: Path) -> None:
    """Neither of a user nor of an author, and others keep what is theirs."""
    folder = tmp_path / "log"
    shutil.copytree(traffic[0], folder)
    place = Place(f"file:{folder}", redis_url, tmp_path / "state")
    place.run()
    user, author = people(folder, place)
    keys, tables = found_of(place, user)
    assert {f"features:user:{{{user}}}", f"muted:{{{user}}}"} < keys
    assert {("seen", "views"), ("muted", "pairs"), ("muted", "writes"), ("users", "tiles_user")} < tables
    keys, tables = found_of(place, author)
    assert f"features:author:{author}" in keys
    assert [name for name in keys if name.startswith("muted:{")]
    assert {("muted", "pairs"), ("items", "tiles_author")} < tables

    left_over = wanted(folder, place)
    for one in (user, author):
        assert command(place, one)[0] == 0
        left_over = {name: items for name, items in left_over.items() if f":{{{one}}}" not in name}
    place.run()
    for one in (user, author):
        assert found_of(place, one) == (set(), set())
    assert command(place, user, "--check") == (0, "nothing is left\n")
    for name in [name for name in left_over if name.startswith("muted:")]:
        left_over[name] = left_over[name] - {user, author}
    with redis_client.Redis.from_url(redis_url) as client:
        assert in_redis(client) == {name: items for name, items in left_over.items() if items}


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_a_flow_that_runs_erases_at_once(
    engine: str, traffic: Traffic, redis_url: str, tmp_path: Path
) -> None:
    """Files go while it runs, as soon as two later manifests don't name them."""
    folder = tmp_path / "log"
    shutil.copytree(traffic[0], folder)
    quick = {"HEADRACE_ENGINE": engine, "HEADRACE_EPOCH_MS": "200", "HEADRACE_FLUSH_SLOW_MS": "500"}
    place = Place(f"file:{folder}", redis_url, tmp_path / "state", quick)
    place.run()
    _, author = people(folder, place)
    assert found_of(place, author) != (set(), set())
    process = place.start()
    try:
        assert command(place, author)[0] == 0
        until(lambda: process.poll() is not None or found_of(place, author) == (set(), set()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    assert found_of(place, author) == (set(), set())


@pytest.mark.parametrize("name", ["affinity:{8}", "muted:{8}"])
def test_other_users_who_name_the_author_are_found(name: str, redis_url: str, tmp_path: Path) -> None:
    """And only under the names of this deployment."""
    place = Place(f"file:{tmp_path}", redis_url, tmp_path, {"HEADRACE_REDIS_PREFIX": "a*"})
    with redis_client.Redis.from_url(redis_url) as client:
        for prefix in ("a*", "ab"):
            if name.startswith("muted"):
                client.sadd(prefix + name, -7)
            else:
                client.hset(prefix + name, "-7", b"x")
            client.set(f"{prefix}seen:{{-7}}:12", b"x")
            client.set(f"{prefix}seen:{{-77}}:12", b"x")
    assert [one.where for one in left(place.settings, -7)] == ["a*seen:{-7}:12", "a*" + name]


def test_a_file_that_no_manifest_names_counts(redis_url: str, tmp_path: Path) -> None:
    place = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state")
    for step, table, column, rows in (
        ("seen", "views", "user_id", [7, 8]),
        ("hidden", "pairs", "other", [7]),
        ("items", "tiles_post", "key", [7]),
        ("items", "erased", "key", [7]),
        ("affinity", "keys_user_author", "other", [9, 7, 7]),
    ):
        durable = Durable()
        store = ChunkStore(tmp_path / "state" / "windows" / step / "00000", durable)
        store.write(table, pa.table({column: pa.array(rows, pa.int64())}))
        durable.wait()
    found = left(place.settings, 7)
    assert [(Path(one.where).parts[-3], one.what) for one in found] == [
        ("affinity", "has 2 rows of them"),
        ("seen", "has 1 rows of them"),
    ]
