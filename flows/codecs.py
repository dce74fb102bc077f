"""The codecs of topics as the settings say: what can be read, and in which form is written."""

from collections.abc import Iterable
from pathlib import Path

from schemas.codec import Codec
from schemas.errors import HeadraceError
from schemas.records import load_extra
from schemas.settings import Settings
from schemas.subjects import Subject, subjects
from schemas.topics import TOPICS
from sources.schema_registry import SchemaRegistry


def reading(settings: Settings, topics: Iterable[str], registry: SchemaRegistry | None) -> dict[str, Codec]:
    """Codecs that read these topics, by topic; `registry` is asked for what it alone knows.

    Raises `UsageError` for a further writer schema that can't be used.
    """
    extra = load_extra(Path(settings.schema_path)) if settings.schema_path else {}
    records = {topic: TOPICS[topic].record for topic in topics}
    return {
        topic: Codec(record, extra.get(record, ()), settings.max_record_bytes, registry)
        for topic, record in records.items()
    }


def reading_one(settings: Settings, topic: str) -> Codec:
    """A codec that reads one topic, with a registry of its own to ask."""
    return reading(settings, [topic], SchemaRegistry.of(settings))[topic]


def writing(settings: Settings, topic: str) -> Codec:
    """A codec that writes into a topic, in the form of `wire_format`.

    With schema ids, those of the current schemas are looked up; what the registry lacks is registered. Raises
    `HeadraceError` when it can't be asked, or takes no such schema.
    """
    registry = SchemaRegistry.of(settings)
    if settings.wire_format == "single-object" or registry is None:
        return Codec(TOPICS[topic].record)
    found = subjects(settings.topic_prefix, topic)
    return Codec(TOPICS[topic].record, ids={one.record: _schema_id(registry, one) for one in found})


def _schema_id(registry: SchemaRegistry, subject: Subject) -> int:
    there = registry.lookup(subject.name, subject.schema)
    if there is not None:
        return there.schema_id
    try:
        return registry.register(subject.name, subject.schema)
    except HeadraceError as error:
        raise HeadraceError(f"topic {subject.topic!r} can't be written with schema ids: {error}") from None
