"""A disk that takes no more: a limit on the size of files stops each kind of writing at another size."""

import os
from pathlib import Path

import pytest

from flows.simulate import simulate_into
from tests.faults.letters import dead_letters
from tests.faults.outcome import finished, ran
from tests.faults.traffic import encoded, good, refused, write, wrong_vectors
from tests.flows.harness import TRAFFIC, Place
from tests.operators.events import event

NOW = 1_760_000_000_000


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_no_room_for_the_state(engine: str, redis_url: str, tmp_path: Path) -> None:
    """A chunk is too much."""
    one = {"HEADRACE_ENGINE": engine, "HEADRACE_SHARDS": "1"}
    place = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state", one)
    simulate_into(place.settings, TRAFFIC)
    said = finished(place.start("--until-end", before=["prlimit", "--fsize=100000"])).sentence()
    assert f"cannot use {place.state / 'windows'}{os.sep}" in said
    assert ".arrow: " in said
    assert "File too large" in said


def test_no_room_for_the_store_of_the_engine(redis_url: str, tmp_path: Path) -> None:
    place = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state")
    write(place, good(NOW))
    said = finished(place.start("--until-end", before=["prlimit", "--fsize=20000"])).sentence()
    assert f"{place.state / 'windows' / 'engine'} can't be made (disk I/O error): make room" in said
    ran(place).went_well()
    assert not wrong_vectors(good(NOW), place)


def test_no_room_in_the_store_of_the_engine(redis_url: str, tmp_path: Path) -> None:
    """The engine then says much by itself; what to do stands below it."""
    place = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state")
    write(place, good(NOW))
    full = finished(place.start("--until-end", before=["prlimit", "--fsize=40000"]))
    assert full.code == 1
    last = full.said.splitlines()[-1]
    assert last.startswith("headrace: the engine stopped (disk I/O error): make room in ")
    ran(place).went_well()
    assert not wrong_vectors(good(NOW), place)


def test_no_room_for_dead_letters(redis_url: str, tmp_path: Path) -> None:
    """They lie in the log, where the flow writes nothing else."""
    place = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state")
    clean = good(NOW)
    row = event(event_id=-1, user_id=7, surface="x" * 200_000, at_ms=NOW)
    write(place, [*clean, refused(row, value=encoded(row)[:-1]), refused(row, value=encoded(row)[:-2])])
    said = finished(place.start("--until-end", before=["prlimit", "--fsize=100000"])).sentence()
    assert f"{tmp_path / 'log' / 'dead_letters'}" in said
    assert "cannot be written (File too large)" in said
    ran(place).went_well()
    assert len(dead_letters(place)) == 2
    assert not wrong_vectors(clean, place)
