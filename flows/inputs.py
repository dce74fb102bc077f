"""The topics that a flow reads: which are there, and up to where."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.drawing import Drawing
from schemas.errors import HeadraceError
from schemas.settings import Settings
from sources.log import Log

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """The topics that are there, and offsets by part name (`topic/partition`).

    `now` holds the ends that the parts had at the start, `ends` where reading ends (a part without an entry is read
    live), `first` the ends of the parts that are read up to there before any other.
    """

    topics: tuple[str, ...]
    now: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)
    first: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def of(events: Log, drawing: Drawing, settings: Settings, until_end: bool) -> "Inputs":
        """Look at the log; raises `HeadraceError` where a topic is missing or has another number of partitions."""
        topics = _present(events, drawing, settings)
        now = {f"{topic}/{number}": end for topic in topics for number, end in enumerate(events.ends(topic))}
        optional = {topic for read in drawing.reads for topic in read.optional}
        first = {part: end for part, end in now.items() if part.rpartition("/")[0] in optional}
        return Inputs(topics, now, now if until_end else {}, first)


def _present(events: Log, drawing: Drawing, settings: Settings) -> tuple[str, ...]:
    topics = []
    for read in drawing.reads:
        for topic in read.topics:
            try:
                found = events.partitions(topic)
            except HeadraceError:
                if topic not in read.optional:
                    raise
                log.warning("topic %r is not there; going on without it until the next start", topic)
                continue
            if found != settings.partitions:
                raise HeadraceError(
                    f"topic {topic!r} has {found} partitions and the setting partitions is {settings.partitions}: "
                    f"set partitions = {found} if the topic is right, else make the topic anew"
                )
            topics.append(topic)
    return tuple(topics)
