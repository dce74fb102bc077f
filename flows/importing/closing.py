"""The end of a history: a pulse for each partition, so that whoever reads it closes all that is open."""

import numpy as np
import pyarrow as pa

from schemas.codec import Codec
from schemas.placement import message_keys
from schemas.records import arrow_schema
from schemas.settings import Settings
from schemas.topics import TOPICS
from sinks.log import LogWriter
from sources.log import Log

TOPIC = "pulse"


def closing_ms(latest_ms: int, settings: Settings) -> int:
    """The broker time that closes the tick of `latest_ms`: its end, and the lateness that is still allowed."""
    return latest_ms + settings.tick_lateness_ms + 1_000


def close(writer: LogWriter, log: Log, topic: str, broker_ms: int, codec: Codec) -> None:
    """Write "everything below the end was appended before `broker_ms`" for each partition of a topic.

    `codec` writes pulses. The writer must have been flushed; the pulses are durable on return.
    """
    ends = log.ends(topic)
    writer.create([TOPIC], len(ends))
    rows = pa.RecordBatch.from_pydict(
        {
            "topic": [topic] * len(ends),
            "partition": list(range(len(ends))),
            "end_offset": ends,
            "broker_ms": [broker_ms] * len(ends),
        },
        schema=arrow_schema(TOPICS[TOPIC].record),
    )
    values = codec.encode(rows)
    for partition, (value, key) in enumerate(zip(values, message_keys(TOPIC, rows), strict=True)):
        writer.write(TOPIC, partition, [value], [key], np.array([broker_ms]))
    writer.flush()
