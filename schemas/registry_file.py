"""Reads the file of feature definitions: TOML, one entry a feature and the windows that it is wanted for."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.errors import UsageError
from schemas.nearest import nearest
from schemas.windows import WINDOWS

BUILT_IN: Final = Path("features.toml")

Entity = Literal["post", "author", "user", "user_author", "user_type"]


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry: a formula, for the windows of each entity."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$")]
    windows: Annotated[dict[Entity, Annotated[tuple[str, ...], Meta(min_length=1)]], Meta(min_length=1)]
    formula: str
    doc: Annotated[str, Meta(min_length=1)]
    default: float | str | None = None
    type: Literal["float", "category"] = "float"
    crosses: tuple[str, ...] = ()


class RegistryFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file; `base = "built-in"` puts its entries after the built-in ones."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$")]
    version: Annotated[int, Meta(ge=1, le=65_535)]
    base: Literal["", "built-in"] = ""
    constants: dict[Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$")], float] = {}
    feature: tuple[Entry, ...] = ()

    @property
    def features(self) -> tuple[Entry, ...]:
        """Every entry in order, those of the base first."""
        return (*read_entries(None).feature, *self.feature) if self.base else self.feature


def read_entries(path: Path | None) -> RegistryFile:
    """The definitions in a file, None for the built-in ones; `UsageError` says which entry is wrong."""
    try:
        source = files("schemas").joinpath(BUILT_IN.name) if path is None else path
        tree = tomllib.loads(source.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the feature registry {path} can't be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the feature registry {path} is not valid TOML: {error}") from None
    where = path or BUILT_IN
    entries = tree.get("feature", [])
    head: Any = {key: value for key, value in tree.items() if key != "feature"}
    if not isinstance(entries, list):
        raise UsageError(f"{where}: write each feature as [[feature]], with two brackets")
    read = [
        _read(entry, Entry, f"{where}, feature {_name(entry, i)}") for i, entry in enumerate(entries, start=1)
    ]
    for entry in read:
        for window in (window for windows in entry.windows.values() for window in windows):
            if window not in WINDOWS:
                known = ", ".join(WINDOWS)
                raise UsageError(f"{where}, feature {entry.name}: {window!r} is no window; there are {known}")
    file: RegistryFile = _read(head, RegistryFile, str(where))
    return msgspec.structs.replace(file, feature=tuple(read))


def _name(entry: Any, number: int) -> str:
    return str(entry["name"]) if isinstance(entry, dict) and "name" in entry else f"number {number}"


def _read(tree: Any, struct: Any, where: str) -> Any:
    known = {field.name for field in msgspec.structs.fields(struct)}
    for key in tree if isinstance(tree, dict) else ():
        if key not in known:
            raise UsageError(f"{where} has an unknown key {key}{nearest(key, known)}")
    try:
        return msgspec.convert(tree, struct)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: {error}") from None
