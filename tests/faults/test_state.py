"""A state directory that can't be written, is used by another process, or is damaged: a sentence that names it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.outcome import ran
from tests.faults.traffic import good, write, wrong_vectors
from tests.flows.harness import Place, until
from tests.services.redis import Redis

NOW = 1_760_000_000_000
RESTORE = (
    "put it back from a copy, or remove the whole state directory to compute everything again from the logs"
)


@pytest.fixture
def place(redis_url: str, tmp_path: Path) -> Place:
    """A place with a log of some good interactions."""
    made = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state")
    write(made, good(NOW))
    return made


@pytest.fixture(scope="module")
def once(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place whose log was read to its end."""
    folder = tmp_path_factory.mktemp("once")
    made = Place(f"file:{folder / 'log'}", redis_server.url, folder / "state")
    write(made, good(NOW))
    ran(made).went_well()
    return made


@pytest.fixture
def read(once: Place, tmp_path: Path) -> Place:
    """The same with a state of one's own."""
    shutil.copytree(once.state, tmp_path / "state")
    return replace(once, state=tmp_path / "state")


def test_a_place_below_a_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = ran(place, "--state", str(tmp_path / "file" / "state")).sentence()
    assert f"cannot use {tmp_path / 'file' / 'state'}" in said
    assert "choose another place with --state" in said


def test_a_place_that_takes_no_files(place: Place) -> None:
    """Not even from root."""
    assert "cannot use /proc/self/headrace" in ran(place, "--state", "/proc/self/headrace").sentence()


def test_a_second_process_is_told_of_the_first(place: Place) -> None:
    """The first goes on undisturbed, and once it is gone, killed even, its place is free."""
    first = place.start()
    lock = place.state / "windows" / "lock"
    until(lambda: lock.exists() and lock.read_text().strip() == str(first.pid))
    said = ran(place).sentence()
    assert f"another process (pid {first.pid}) uses state directory {place.state / 'windows'}" in said
    assert first.poll() is None
    first.kill()
    first.communicate()
    ran(place).went_well()
    assert not wrong_vectors(good(NOW), place)


def test_a_chunk_that_is_changed_or_missing(read: Place) -> None:
    """Put back, it is taken as if nothing had been."""
    chunk = sorted((read.state / "windows" / "users").rglob("*.arrow"))[0]
    data = chunk.read_bytes()
    chunk.write_bytes(data[:200] + bytes(8) + data[208:])
    assert f"state chunk {chunk} is damaged (its checksum differs)" in ran(read).sentence()
    chunk.unlink()
    assert f"state chunk {chunk} is missing: put the file back" in ran(read).sentence()
    chunk.write_bytes(data)
    ran(read).went_well()


@pytest.mark.parametrize("text", ["", "[]"])
def test_the_record_of_settings(read: Place, text: str) -> None:
    file = read.state / "windows" / "fingerprint.json"
    file.write_text(text)
    assert ran(read).sentence() == f"{file} can't be read: {RESTORE}"


@pytest.mark.parametrize(
    ("text", "why"), [(b"", "its tables are missing"), (b"no database", "file is not a database")]
)
def test_the_store_of_the_engine(read: Place, text: bytes, why: str) -> None:
    """Nothing is computed anew over what is in Redis without being told to."""
    file = read.state / "windows" / "engine" / "part-0.sqlite3"
    for part in file.parent.iterdir():
        part.unlink()
    file.write_bytes(text)
    assert ran(read).sentence() == f"the engine's store {file} is damaged ({why}): {RESTORE}"


def test_another_engine_is_refused(read: Place) -> None:
    """Each keeps its own record of what the state consists of."""
    other = replace(read, more={"HEADRACE_ENGINE": "loop"})
    assert "engine was bytewax and is now loop" in ran(other).sentence()
