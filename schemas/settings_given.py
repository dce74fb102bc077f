"""Setting values as they were given, by dotted name: from a TOML file and from `HEADRACE_*` variables."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import UsageError
from schemas.nearest import nearest
from schemas.settings_table import KAFKA, settings_table, variable

DEFAULT_FILE = Path("headrace.toml")
FILE_VARIABLE = "HEADRACE_SETTINGS"

_KAFKA_VARIABLE = f"{variable(KAFKA)}__"
_LIBRDKAFKA_WITH_UNDERSCORE = {"ssl_key", "ssl_certificate", "ssl_ca"}


@dataclass(frozen=True, slots=True)
class Given:
    """A value and where it came from; `text` says that it is still to be read by its setting's type."""

    value: Any
    origin: str
    text: bool = False
    in_file: bool = False


def settings_file(option: Path | None, env: Mapping[str, str]) -> Path | None:
    """The file to read: the option, else `HEADRACE_SETTINGS`, else `headrace.toml` here if there is one."""
    if option is not None:
        return option
    if env.get(FILE_VARIABLE):
        return Path(env[FILE_VARIABLE])
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def from_file(file: Path) -> dict[str, Given]:
    """The values in a settings file; `UsageError` if it can't be read or names an unknown setting."""
    try:
        tree = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"settings file {file} doesn't exist; make one with: headrace settings --write {file}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"settings file {file} can't be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"settings file {file} is not valid TOML: {error}") from None
    return {name: Given(value, str(file), in_file=True) for name, value in _flat(tree, "", str(file))}


def _flat(tree: Mapping[str, Any], prefix: str, origin: str) -> Iterable[tuple[str, Any]]:
    known = settings_table()
    tables = {name.rpartition(".")[0] for name in known} - {""} | {KAFKA}
    for key, value in tree.items():
        name = prefix + key
        if name in tables:
            if not isinstance(value, Mapping):
                raise UsageError(f"{name} = {value!r} (from {origin}) must be a table; write it as [{name}]")
            yield from _flat(value, f"{name}.", origin)
        elif prefix == f"{KAFKA}.":
            yield from _dotted(name, value)
        elif name in known:
            yield name, value
        else:
            inner = next(iter(value), "") if isinstance(value, Mapping) else ""
            meant = nearest(f"{name}.{inner}" if inner else name, known)
            raise UsageError(f"{origin} has an unknown setting {name}{meant or '; see headrace settings'}")


def _dotted(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Names of librdkafka have dots in them; unquoted in TOML, these are tables."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _dotted(f"{name}.{key}", inner)
    else:
        yield name, value


def from_variables(env: Mapping[str, str]) -> dict[str, Given]:
    """The values in the environment; `UsageError` for an unknown `HEADRACE_*` variable."""
    names = {setting.variable: setting.name for setting in settings_table().values() if setting.name != KAFKA}
    given = {}
    for key, text in env.items():
        if not key.startswith("HEADRACE_") or key == FILE_VARIABLE:
            continue
        if key.startswith(_KAFKA_VARIABLE):
            name = f"{KAFKA}.{_librdkafka_name(key)}"
        elif key in names:
            name = names[key]
        else:
            meant = nearest(key, names)
            raise UsageError(f"unknown environment variable {key}{meant or '; see headrace settings'}")
        given[name] = Given(text, key, text=True)
    return given


def _librdkafka_name(key: str) -> str:
    """`HEADRACE_KAFKA__SASL_PASSWORD_FILE` -> `sasl.password_file`: a variable has no dots in its name."""
    stem = key.removeprefix(_KAFKA_VARIABLE).lower()
    name = stem.removesuffix("_file")
    dotted = name if name in _LIBRDKAFKA_WITH_UNDERSCORE else name.replace("_", ".")
    return dotted + ("_file" if name != stem else "")
