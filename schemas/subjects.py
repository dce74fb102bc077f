"""The subjects of a schema registry under which the records of our topics are."""

from dataclasses import dataclass
from typing import Final

from schemas.records import AvroSchema, avro_schema
from schemas.topics import TOPICS

NAMESPACE: Final = "headrace"


@dataclass(frozen=True, slots=True)
class Subject:
    """A name in a schema registry: what the values of `topic` with `record` in them are written with."""

    name: str
    topic: str
    record: str

    @property
    def schema(self) -> AvroSchema:
        """The schema that is written now."""
        return avro_schema(self.record)


def subjects(topic_prefix: str, topic: str) -> list[Subject]:
    """The subjects of a topic (its name without the prefix).

    A topic's record is under `<topic>-value`, as producers name it by default (TopicNameStrategy). A subject has one
    record type only, so a batch is under topic and record (TopicRecordNameStrategy).

    >>> [subject.name for subject in subjects("eu.", "interactions")]
    ['eu.interactions-value', 'eu.interactions-headrace.InteractionBatch']
    """
    place, full = TOPICS[topic], topic_prefix + topic
    found = [Subject(f"{full}-value", topic, place.record)]
    if place.batch:
        found.append(Subject(f"{full}-{NAMESPACE}.{place.batch}", topic, place.batch))
    return found
