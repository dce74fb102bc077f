"""The traffic of the benchmarks: Zipf posts, uniform users, one per cent repeats, single records or batches."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from schemas.codec import Codec
from schemas.frame import Int64s
from schemas.partitioner import partition_of
from schemas.records import arrow_schema, avro_schema
from sinks.kafka import KafkaWriter
from sinks.log import LogWriter

TYPE_SHARES = {"impression": 0.70, "click": 0.08, "like": 0.03, "comment": 0.01, "share": 0.01, "save": 0.01}
TYPE_SHARES |= {"hide": 0.005, "report": 0.005, "dwell": 0.13, "mute": 0.01, "unlike": 0.01}
START_MS = 1_767_225_600_000


@dataclass(frozen=True)
class Traffic:
    """`events` interactions over `seconds` of event time, drawn with `seed`; `batch` records a message, 0 = one.

    `repeats` of them come twice, each is appended up to `delay_ms` after its event time, and one post gets the share
    `viral` beside its own.
    """

    events: int = 4_000_000
    posts: int = 100_000
    users: int = 50_000
    authors: int = 20_000
    partitions: int = 4
    seconds: int = 1_000
    exponent: float = 1.1
    batch: int = 0
    seed: int = 1
    repeats: float = 0.01
    delay_ms: int = 0
    viral: float = 0.0

    def write(self, writer: LogWriter) -> None:
        """Write it into the topic `interactions`, each partition in order of append time."""
        codec = Codec("Interaction")
        for rows, append_ms in self.slices():
            placed = partition_of(rows.column("user_id").to_numpy(), self.partitions)
            for partition in range(self.partitions):
                here = np.flatnonzero(placed == partition)
                part = rows.take(pa.array(here))
                if self.batch:
                    values = codec.encode_batches(part, self.batch)
                    writer.write("interactions", partition, values, None, append_ms[here][:: self.batch])
                else:
                    writer.write("interactions", partition, codec.encode(part), None, append_ms[here])
        writer.flush()

    def write_to(self, servers: str, prefix: str = "") -> None:
        """Write it into new topics of a Kafka cluster that keep its append times; their names begin with `prefix`."""
        writer = KafkaWriter(servers, {}, prefix, history=True)
        writer.create(["interactions", "users", "dead_letters"], self.partitions)
        self.write(writer)
        writer.close()

    def slices(self, size: int = 100_000) -> Iterator[tuple[pa.RecordBatch, Int64s]]:
        """Interactions in the order of the log, with their append times."""
        rng = np.random.default_rng(self.seed)
        popularity = np.cumsum(1 / np.arange(1, self.posts + 1) ** self.exponent)
        popularity /= popularity[-1]
        schema = arrow_schema("Interaction")
        symbols = next(
            field["type"]["symbols"]
            for field in avro_schema("Interaction")["fields"]
            if field["name"] == "type"
        )
        chance = np.array([TYPE_SHARES.get(symbol, 0.0) for symbol in symbols])
        step_ms = self.seconds * 1000 / self.events
        for start in range(0, self.events, size):
            count = min(size, self.events - start)
            post = np.searchsorted(popularity, rng.random(count))
            if self.viral:
                post[rng.random(count) < self.viral] = self.posts
            again = np.arange(count) - (rng.random(count) < self.repeats)
            rows = np.maximum(again, 0)
            append_ms = START_MS + ((start + np.arange(count)) * step_ms).astype(np.int64)
            at_ms = append_ms - (rng.integers(0, self.delay_ms, count) if self.delay_ms else 0)
            kind = rng.choice(len(symbols), count, p=chance / chance.sum()).astype(np.int8)
            columns = {
                "event_id": start + np.arange(count),
                "type": pa.DictionaryArray.from_arrays(pa.array(kind), pa.array(symbols)),
                "user_id": rng.integers(0, self.users, count),
                "post_id": post,
                "author_id": post % self.authors,
                "content_type": pa.array(["video"] * count),
                "region": pa.array(["eu"] * count),
                "request_id": rng.integers(0, 1 << 60, count),
                "position": pa.array(rng.integers(1, 20, count).astype(np.int32), mask=kind != 0),
                "dwell_ms": pa.array(rng.integers(0, 90_000, count).astype(np.int32), mask=kind != 8),
                "surface": pa.array(["home"] * count),
                "at_ms": at_ms,
            }
            arrays = [pa.array(columns[name]) for name in schema.names]
            batch = pa.RecordBatch.from_arrays(arrays, schema=schema).take(pa.array(rows))
            yield batch, append_ms
