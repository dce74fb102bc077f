"""What commands share: options that override the settings, and `--json`."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from schemas.settings import Loaded, load_with_origins
from schemas.settings_given import DEFAULT_FILE, FILE_VARIABLE, settings_file

R = TypeVar("R")

_LOADED = "headrace.loaded"


def common_options(command: Callable[..., R]) -> Callable[..., R]:
    """Options --settings, --log, --redis and --state; the command gets the argument `settings: Settings`."""

    @click.option(
        "--settings",
        "settings_path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"Settings file (TOML); else ${FILE_VARIABLE}, else {DEFAULT_FILE} if it is here.",
    )
    @click.option("--log", metavar="URL", help="Where the topics are: kafka://host:9092 or file:folder.")
    @click.option("--redis", metavar="URL", help="Where Redis is: redis://, unix://, ... or embedded:")
    @click.option("--state", metavar="FOLDER", help="Folder of the state store.")
    @functools.wraps(command)
    def with_settings(
        *args: Any,
        settings_path: Path | None,
        log: str | None,
        redis: str | None,
        state: str | None,
        **options: Any,
    ) -> R:
        given = {"log": log, "redis": redis, "state": state}
        overrides = {name: value for name, value in given.items() if value is not None}
        loaded = load_with_origins(settings_file(settings_path, os.environ), os.environ, overrides)
        click.get_current_context().meta[_LOADED] = loaded
        return command(*args, settings=loaded.settings, **options)

    return with_settings


def loaded_settings() -> Loaded:
    """The settings of the running command, with the origin of each value."""
    loaded: Loaded = click.get_current_context().meta[_LOADED]
    return loaded


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
"""Gives a command the option --json and the argument `as_json: bool`."""
