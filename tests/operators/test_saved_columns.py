"""Saved counts are read as what they were, whatever is counted beside them by then."""

from pathlib import Path
from typing import Any

import pytest

from operators.affinity import Affinity
from operators.base import Saved
from schemas.registry import Registry
from tests.operators.events import event, feed, frame
from tests.operators.naive_affinity import DAY, Hashes, apply, hashes

START = 1_700_000_000_000
CURVE = (1000, 390, 290)
TYPES = ["impression", "click", "like", "like", "comment", "hide", "report", "dwell", "mute"]
ROWS = [
    event(
        type=kind,
        user_id=1,
        author_id=number % 2,
        content_type="video",
        position=number % 5,
        dwell_ms=1_000 * number,
        at_ms=START + number,
    )
    for number, kind in enumerate(TYPES * 3)
]
FORMULAS = {
    "built-in": None,
    "more": "shares + reports + likes",
    "fewer": "hides",
    "positions": "clicks / examined + impressions",
    "histogram": "quantile(0.5) + dwell_count",
    "sum": "dwell_sum_ms",
}


def operator(name: str, folder: Path) -> Affinity:
    formula = FORMULAS[name]
    if formula is None:
        return Affinity(Registry.load(), CURVE, 40 * DAY)
    file = folder / f"{name}.toml"
    file.write_text(
        'name = "mine"\nversion = 7\n[[feature]]\nname = "x"\ndoc = "x"\n'
        f'windows = {{ user_author = ["30d"], user_type = ["7d"] }}\nformula = "{formula}"\n'
    )
    return Affinity(Registry.load(file), CURVE, 40 * DAY)


def counted_before(before: str, after: str) -> bool:
    """Whether everything that the second reads was counted, and told apart, by the first.

    Engagements and dwell sums are always counted.
    """
    needs = {
        "built-in": {"impressions", "clicks", "likes", "comments", "hides", "dwell_count", "dwell_sum_ms"},
        "more": {"shares", "reports", "likes"},
        "fewer": {"hides"},
        "positions": {"clicks", "examined", "impressions"},
        "histogram": {"histogram", "dwell_count"},
        "sum": {"dwell_sum_ms"},
    }
    engagements = {"clicks", "likes", "comments", "shares", "saves"}
    has = needs[before] | engagements | {"dwell_sum_ms"}
    has |= {"impressions"} if "examined" in has else set()
    has |= {"dwell_count"} if "histogram" in has else set()
    return needs[after] <= has


@pytest.mark.parametrize("before", FORMULAS)
@pytest.mark.parametrize("after", FORMULAS)
def test_another_registry_goes_on_from_the_same_state(before: str, after: str, tmp_path: Path) -> None:
    logic = operator(before, tmp_path).build(Saved())
    feed(logic, frame(ROWS))
    logic.drain(urgent_only=False)
    delta = logic.snapshot()
    tables: dict[str, Any] = {name: [table] for name, table in delta.tables.items()}
    second = operator(after, tmp_path)
    again, store = second.build(Saved(tables, delta.facts)), Hashes()
    again.rewrite()
    apply(store, again.drain(urgent_only=False))
    wanted = hashes(ROWS, {}, ROWS[-1]["at_ms"], second.registry, 40 * DAY, curve=CURVE)
    assert (store == wanted) == counted_before(before, after)
    assert {key: fields.keys() for key, fields in store.items()} == {
        key: fields.keys() for key, fields in wanted.items()
    }
