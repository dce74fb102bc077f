"""What the peers that work record by record have in common: reading an interaction, writing a window."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from bytewax.connectors.kafka import KafkaSourceMessage
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from fastavro import parse_schema, schemaless_reader

from schemas.records import avro_schema

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LATENESS = timedelta(seconds=30)
START = datetime(2020, 1, 1, tzinfo=UTC)

_SCHEMA = parse_schema(avro_schema("Interaction"))
_HEADER = 10

Window = tuple[str, int, int]
"""A key of Redis, impressions and clicks."""


class Events:
    """Decodes interactions and counts them."""

    def __init__(self) -> None:
        self.read = 0

    def impressions_and_clicks(
        self, message: KafkaSourceMessage[Any, Any]
    ) -> tuple[str, tuple[int, bool]] | None:
        """Post, event time and whether it was a click; None for other types."""
        self.read += 1
        event: Any = schemaless_reader(io.BytesIO(message.value[_HEADER:]), _SCHEMA, None)
        if event["type"] not in ("impression", "click"):
            return None
        return str(event["post_id"]), (event["at_ms"], event["type"] == "click")


class _Part(StatelessSinkPartition[Window]):
    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)

    def write_batch(self, items: list[Window]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for key, impressions, clicks in items:
            ctr = clicks / impressions if impressions else 0.0
            pipeline.set(key, f"{impressions} {clicks} {ctr:.6f}")
        pipeline.execute()

    def close(self) -> None:
        self._client.close()


class RedisSink(DynamicSink[Window]):
    """Sets a key for each window, a batch in one pipeline."""

    def __init__(self, url: str) -> None:
        self._url = url

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Part:
        """The connection of a worker."""
        return _Part(self._url)
