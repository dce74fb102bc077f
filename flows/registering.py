"""Our schemas and a schema registry: what it has of them, what it would take, and putting the rest in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from schemas.errors import UsageError
from schemas.settings import Settings
from schemas.subjects import Subject, subjects
from schemas.topics import TOPICS
from sources.schema_registry import IncompatibleError, SchemaRegistry

State = Literal["registered", "there", "refused", "compatible", "incompatible", "missing"]

BAD: Final = ("refused", "incompatible")
"""States of a schema that can't be written with."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the current schema of a record stands under its subject; a schema that is there has an id."""

    subject: str
    record: str
    state: State
    schema_id: int | None = None
    why: str = ""


def needed_registry(settings: Settings) -> SchemaRegistry:
    """The schema registry of the settings; raises `UsageError` if they name none."""
    registry = SchemaRegistry.of(settings)
    if registry is None:
        raise UsageError(
            "no schema registry is set; set schema_registry, or HEADRACE_SCHEMA_REGISTRY, to its URL"
        )
    return registry


def register(settings: Settings, registry: SchemaRegistry) -> Iterator[Standing]:
    """Put in the current schema of each topic where it is not there; one that is refused stops none of the others.

    Raises `HeadraceError` when the registry can't be asked.
    """
    for subject in _all(settings):
        there = registry.lookup(subject.name, subject.schema)
        if there is not None:
            yield Standing(subject.name, subject.record, "there", there.schema_id)
            continue
        try:
            number = registry.register(subject.name, subject.schema)
        except IncompatibleError as error:
            yield Standing(subject.name, subject.record, "refused", None, error.why)
        else:
            yield Standing(subject.name, subject.record, "registered", number)


def check(settings: Settings, registry: SchemaRegistry) -> Iterator[Standing]:
    """Ask whether each current schema may follow the latest of its subject, by the registry's level.

    Raises `HeadraceError` when the registry can't be asked.
    """
    for subject in _all(settings):
        verdict = registry.compatibility(subject.name, subject.schema)
        if verdict is None:
            yield Standing(subject.name, subject.record, "missing")
        elif not verdict.compatible:
            yield Standing(subject.name, subject.record, "incompatible", None, verdict.why)
        else:
            there = registry.lookup(subject.name, subject.schema)
            yield Standing(
                subject.name, subject.record, "compatible", None if there is None else there.schema_id
            )


def _all(settings: Settings) -> list[Subject]:
    return [subject for topic in TOPICS for subject in subjects(settings.topic_prefix, topic)]
