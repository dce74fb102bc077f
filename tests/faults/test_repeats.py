"""Messages that come twice count once, also when the second one comes after a restart."""

from pathlib import Path

import pytest

from tests.faults.letters import dead_letters
from tests.faults.outcome import ran
from tests.faults.traffic import good, write, wrong_vectors
from tests.flows.harness import Place

NOW = 1_760_000_000_000


@pytest.mark.parametrize("engine", ["bytewax", "loop"])
def test_a_repeat_after_a_restart(engine: str, redis_url: str, tmp_path: Path) -> None:
    """The ids of the last ten minutes are part of the state, and repeats are counted, not set aside."""
    place = Place(f"file:{tmp_path / 'log'}", redis_url, tmp_path / "state", {"HEADRACE_ENGINE": engine})
    first = good(NOW)
    write(place, first)
    ran(place).went_well()
    second = good(NOW + 30_000, count=100, seed=2, first_id=10_000)
    write(place, [*first[-20:], *second, *second[-10:]])
    again = ran(place)
    again.went_well()
    assert again.summary.rstrip().endswith("set aside: 30 repeat")
    assert not dead_letters(place)
    assert not wrong_vectors([*first, *second], place)
