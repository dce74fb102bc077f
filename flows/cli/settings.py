"""`headrace settings`: the settings in force, and a commented file of them."""

import json
from pathlib import Path
from typing import Any

import click
import msgspec

from flows.cli.common import common_options, json_option, loaded_settings
from flows.cli.table import print_table
from schemas.errors import HeadraceError, UsageError
from schemas.secret import Secret
from schemas.settings import Settings
from schemas.settings_given import DEFAULT_FILE
from schemas.settings_table import KAFKA, settings_table, value_of
from schemas.settings_text import to_toml


@click.command()
@common_options
@json_option
@click.option(
    "--write",
    "file",
    is_flag=False,
    flag_value=str(DEFAULT_FILE),
    metavar="[FILE]",
    help=f"Write them to FILE ({DEFAULT_FILE} if left out) as commented TOML.",
)
def settings(settings: Settings, as_json: bool, file: str | None) -> None:
    """Print every setting: its value, where that comes from, and what it means.

    A value comes from the settings file, from the variable HEADRACE_<NAME> (HEADRACE_TIERS__MID for tiers.mid)
    or from an option of the command; the later ones go before the earlier.
    """
    if file is not None:
        _write(settings, Path(file))
        by_itself = "if they run in this folder" if Path(file) == DEFAULT_FILE else f"with --settings {file}"
        click.echo(f"wrote {file}; commands read it {by_itself}")
        return
    rows = _rows(settings)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        lines = [
            (row["name"], _shown(row["value"]), row["origin"], f"{row['doc']} ({row['allowed']})")
            for row in rows
        ]
        print_table([("name", "value", "from", "meaning"), *lines])


def _rows(settings: Settings) -> list[dict[str, Any]]:
    origins = loaded_settings().origins
    rows = []
    for setting in settings_table().values():
        if setting.name == KAFKA:
            continue
        rows.append(
            {
                "name": setting.name,
                "value": _printable(value_of(settings, setting.name)),
                "default": _printable(setting.default),
                "origin": origins.get(setting.name, "default"),
                "variable": setting.variable,
                "allowed": setting.allowed,
                "doc": setting.doc,
            }
        )
    kafka = settings_table()[KAFKA]
    for name, value in settings.kafka.items():
        full = f"{KAFKA}.{name}"
        rows.append(
            {
                "name": full,
                "value": _printable(value),
                "default": None,
                "origin": origins.get(full) or origins[f"{full}_file"],
                "variable": "",
                "allowed": "as librdkafka does",
                "doc": kafka.doc,
            }
        )
    return rows


def _printable(value: Any) -> Any:
    return repr(value) if isinstance(value, Secret) else msgspec.to_builtins(value)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _write(settings: Settings, file: Path) -> None:
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(to_toml(settings))
    except FileExistsError:
        raise UsageError(f"{file} is there already; name another file, or remove it first") from None
    except OSError as error:
        raise HeadraceError(f"{file} can't be written: {error.strerror}") from None


COMMANDS = [settings]
