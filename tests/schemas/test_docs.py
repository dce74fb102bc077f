"""The pages of the documentation say what the tables say."""

import json
import re
from pathlib import Path

import msgspec

from schemas.keys import KEYS
from schemas.reasons import REASONS, REPEAT
from schemas.registry import Registry
from schemas.settings_table import settings_table
from schemas.windows import WINDOWS, duration_name

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str, head: str) -> list[list[str]]:
    """The rows of the table whose heading starts with `head`."""
    lines = (DOCS / page).read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(head))
    table = lines[start + 2 :]
    end = next((number for number, line in enumerate(table) if not line.startswith("|")), len(table))
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[:end]]


def test_the_page_of_settings_has_them_all() -> None:
    expected = []
    for setting in settings_table().values():
        default = "" if setting.secret else f"`{json.dumps(msgspec.to_builtins(setting.default))}`"
        fixed = "fixed" if setting.fixed else ""
        expected.append([f"`{setting.name}`", default, fixed, setting.allowed, setting.doc])
    assert rows("settings.md", "| name | default") == expected


def test_the_contract_has_every_key() -> None:
    assert rows("contract.md", "| key | type") == [
        [
            f"`{kind.pattern}`",
            kind.type,
            kind.writer + (" (later)" if kind.planned else ""),
            kind.ttl,
            kind.doc,
        ]
        for kind in KEYS.values()
    ]


def test_the_contract_judges_in_the_order_of_the_reasons() -> None:
    told = [row[0].strip("`") for row in rows("contract.md", "| reason | when")]
    assert told == list(REASONS[: REASONS.index(REPEAT) + 1])


def test_the_windows_are_those_of_the_table() -> None:
    page = (DOCS / "features.md").read_text().splitlines()
    head = next(line for line in page if line.startswith("| window |"))
    panes = next(line for line in page if line.startswith("| pane |"))
    assert [cell.strip() for cell in head.strip("|").split("|")][1:] == list(WINDOWS)
    assert [cell.strip() for cell in panes.strip("|").split("|")][1:] == [
        "none" if window.pane_ms is None else duration_name(window.pane_ms) for window in WINDOWS.values()
    ]


def test_the_example_of_a_feature_works_as_it_is_told(tmp_path: Path) -> None:
    page = (DOCS / "features.md").read_text()
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    file = tmp_path / "features.toml"
    file.write_text(example[1])
    built_in = {feature.name for feature in Registry.load().features}
    added = [feature.name for feature in Registry.load(file).features if feature.name not in built_in]
    assert added == ["post_likes_per_click_1h", "post_likes_per_click_24h", "author_likes_per_click_7d"]
    assert [name for name in added if f"`{name}`" not in page] == []
