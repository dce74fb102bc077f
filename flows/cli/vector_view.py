"""A feature vector as a table: a feature a line, a window a column."""

from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from flows.cli.numbers import shown
from flows.cli.terminal import console
from schemas.windows import WINDOWS
from serving.affinity import ENTITIES


def print_vector(vector: dict[str, Any]) -> None:
    """Print what `serving.features.read_features` gave."""
    as_of = datetime.fromtimestamp(vector["as_of_ms"] / 1000, UTC)
    out = console()
    out.print(f"[bold]{vector['kind']} {vector['id']}[/]  as of {as_of:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC")
    out.print()
    out.print(vector_table(vector))


def print_pairs(found: dict[str, Any]) -> None:
    """Print what `serving.affinity.read_affinity` gave: an author or content type a line, a feature a column."""
    entity = ENTITIES[found["kind"]]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    first = found["pairs"][0]
    field = next(iter(first))
    table.add_column(field)
    table.add_column("as of (UTC)")
    names = [name.removeprefix(f"{entity}_") for name in first["features"]]
    for name in names:
        table.add_column(name, justify="right")
    for pair in found["pairs"]:
        as_of = datetime.fromtimestamp(pair["as_of_ms"] / 1000, UTC)
        cells = [
            shown(name.rpartition("_")[0], value)
            for name, value in zip(names, pair["features"].values(), strict=True)
        ]
        table.add_row(str(pair[field]), f"{as_of:%Y-%m-%d %H:%M:%S}", *cells)
    out = console()
    out.print(f"[bold]{found['kind']} of user {found['id']}[/]")
    out.print()
    out.print(table)


def vector_table(vector: dict[str, Any]) -> Table:
    """The features of such a vector: a feature a line, a window a column."""
    cells: dict[str, dict[str, float | None]] = {}
    for feature, value in vector["features"].items():
        name, _, window = feature.removeprefix(f"{vector['kind']}_").rpartition("_")
        cells.setdefault(name, {})[window] = value
    windows = sorted({window for row in cells.values() for window in row}, key=[*WINDOWS].index)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("feature")
    for window in windows:
        table.add_column(window, justify="right")
    for name, row in cells.items():
        table.add_row(name, *(_cell(name, row, window) for window in windows))
    return table


def _cell(name: str, row: dict[str, float | None], window: str) -> Text:
    if window not in row:
        return Text("")
    value = row[window]
    return Text(shown(name, value), style="dim" if not value else "")
