"""The topics of the log, from `topics.toml`: the one place that knows what is in each and how it is kept."""

import tomllib
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1)]


class Topic(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A topic: its record, its key, what places a record in a partition, and how long it is kept.

    `topics.toml` says what each field means.
    """

    name: Text
    record: Text
    batch: str = ""
    key: Annotated[tuple[Text, ...], Meta(min_length=1)]
    placed_by: Text
    placement: Literal["id", "number", "first"] = "id"
    cleanup: Literal["time", "compact"]
    retention: Text
    external: bool
    writer: Text
    readers: Annotated[tuple[Text, ...], Meta(min_length=1)]
    doc: Text


def _read() -> dict[str, Topic]:
    tree: dict[str, Any] = tomllib.loads(files("schemas").joinpath("topics.toml").read_text("utf-8"))
    entries: dict[str, Any] = tree["topic"]
    return msgspec.convert(
        {name: {"name": name, **entry} for name, entry in entries.items()}, dict[str, Topic]
    )


TOPICS: Final = _read()
"""Every topic by name."""
