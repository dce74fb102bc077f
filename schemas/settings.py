"""Reads the settings: defaults, then one TOML file, then `HEADRACE_*` variables, then command options."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.errors import UsageError
from schemas.settings_fields import Settings
from schemas.settings_given import Given, from_file, from_variables
from schemas.settings_secrets import librdkafka_value, redis_without_password, secret_from_file, secret_value
from schemas.settings_table import KAFKA, Setting, settings_table, value_of

__all__ = ["Loaded", "Settings", "load", "load_with_origins"]

PASSWORDS: Final = ("redis_password", "schema_registry_password")
MAY_HOLD_PASSWORDS: Final = ("redis", "schema_registry")
"""URLs that are not shown when they are refused."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where the value of each came from that isn't at its default, by dotted name."""

    settings: Settings
    origins: Mapping[str, str]


def load(
    file: Path | None = None, env: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The settings in force; `overrides` are the values of command options by dotted name.

    Raises `UsageError` for a file that can't be read, an unknown name, or a value that isn't allowed.

    >>> load(env={"HEADRACE_TIERS__MID": "2000"}).tiers.mid
    2000
    """
    return load_with_origins(file, env, overrides).settings


def load_with_origins(
    file: Path | None = None, env: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Loaded:
    """As `load`, and says where each value came from."""
    given: dict[str, Given] = {} if file is None else from_file(file)
    given |= from_variables(env or {})
    for name, value in (overrides or {}).items():
        given[name] = Given(value, f"--{name.replace('_', '-')}")
    origins = {name: one.origin for name, one in given.items()}
    kafka = {
        name.removeprefix(f"{KAFKA}.").removesuffix("_file"): librdkafka_value(name, one)
        for name, one in given.items()
        if name.startswith(f"{KAFKA}.")
    }
    flat = {
        name: _checked(settings_table()[name], one)
        for name, one in given.items()
        if not name.startswith(f"{KAFKA}.")
    }
    for name in PASSWORDS:
        _read_password(name, flat, given, origins)
    _set_redis_password_apart(flat, given, origins)
    settings = _nested({**flat, KAFKA: kafka})
    _check_together(settings, origins)
    return Loaded(settings, origins)


def _checked(setting: Setting, given: Given) -> Any:
    if setting.secret:
        return secret_value(setting.name, given)
    value = given.value
    if given.text and "list" in setting.allowed:
        value = [part.strip() for part in value.strip().strip("[]").split(",")]
    try:
        return msgspec.convert(value, setting.type, strict=not given.text)
    except msgspec.ValidationError:
        shown = "..." if setting.name in MAY_HOLD_PASSWORDS else repr(given.value)
        raise UsageError(
            f"{setting.name} = {shown} (from {given.origin}) must be {setting.allowed}"
        ) from None


def _read_password(name: str, flat: dict[str, Any], given: dict[str, Given], origins: dict[str, str]) -> None:
    """A password is that of the environment, else of its file."""
    by_file = f"{name}_file"
    if flat.get(by_file) and name not in flat:
        flat[name] = secret_from_file(by_file, given[by_file])
        origins[name] = f"{given[by_file].value}"


def _set_redis_password_apart(flat: dict[str, Any], given: dict[str, Given], origins: dict[str, str]) -> None:
    """Without a password of its own, Redis has that of its URL, which then lacks it."""
    if "redis" in flat:
        flat["redis"], password = redis_without_password(flat["redis"], given["redis"])
        if password is not None and "redis_password" not in flat:
            flat["redis_password"] = password
            origins["redis_password"] = given["redis"].origin


def _nested(flat: dict[str, Any]) -> Settings:
    """Puts checked values by dotted name into the nested struct."""
    top: dict[str, Any] = {}
    for name, value in flat.items():
        table, _, field = name.rpartition(".")
        if table:
            top[table] = msgspec.structs.replace(top.get(table, getattr(Settings(), table)), **{field: value})
        else:
            top[name] = value
    return Settings(**top)


def _check_together(settings: Settings, origins: Mapping[str, str]) -> None:
    """Rules that the type of one setting can't state."""

    def refuse(name: str, rule: str) -> UsageError:
        value = value_of(settings, name)
        return UsageError(f"{name} = {value!r} (from {origins.get(name, 'default')}) must be {rule}")

    tiers, limit, horizons = settings.tiers, settings.dead_letters, settings.labels.horizons_ms
    if tiers.mid >= tiers.celebrity:
        raise refuse("tiers.mid", f"below tiers.celebrity, which is {tiers.celebrity}")
    if limit.minimum > limit.window:
        raise refuse("dead_letters.minimum", f"at most dead_letters.window, which is {limit.window}")
    if settings.wire_format == "confluent" and not settings.schema_registry:
        raise refuse("wire_format", "single-object, unless schema_registry says where the schema registry is")
    if list(horizons) != sorted(set(horizons)):
        raise refuse("labels.horizons_ms", "a list of growing durations")
