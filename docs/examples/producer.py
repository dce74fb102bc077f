"""Writes interactions to Kafka as headrace wants them; needs confluent-kafka and fastavro, nothing of headrace.

    python producer.py --bootstrap localhost:9092 --schemas schemas/avro --partitions 64 --batch 100

It makes up clicks of a few users. Take from it: `RequestIds`, `partition`, `Writer`.
"""

import argparse
import io
import json
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import KafkaError, Message, Producer

Record = dict[str, Any]


class RequestIds:
    """Ids that tell their own time: ms << 21 | node << 11 | counter. Each instance has a node number of its own."""

    def __init__(self, node: int) -> None:
        if not 0 <= node < 1024:
            raise ValueError(f"a node is a number of 10 bits, not {node}")
        self.node = node
        self.ms = 0
        self.counter = 0

    def next(self) -> int:
        """The next id; waits when 2,048 were given in this millisecond, or the clock went back."""
        now = time.time_ns() // 1_000_000
        while now < self.ms or (now == self.ms and self.counter == 2_048):
            time.sleep(0.0002)
            now = time.time_ns() // 1_000_000
        if now > self.ms:
            self.ms, self.counter = now, 0
        self.counter += 1
        return now << 21 | self.node << 11 | self.counter - 1


def murmur2(key: bytes) -> int:
    """Kafka's hash of a key: Austin Appleby's murmur2 with Kafka's seed, as an unsigned number of 32 bits."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for start in range(0, whole, 4):
        k = int.from_bytes(key[start : start + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if whole < len(key):
        h = (h ^ int.from_bytes(key[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def key_of(user_id: int) -> bytes:
    """The key of a user's records: the id as 8 bytes, big-endian."""
    return user_id.to_bytes(8, "big", signed=True)


def partition(user_id: int, partitions: int) -> int:
    """Where a user's records belong; check it against `headrace topics --partitioner`."""
    return (murmur2(key_of(user_id)) & 0x7FFFFFFF) % partitions


class Writer:
    """A schema, and values in Avro's single-object encoding: C3 01, the schema's fingerprint, the record."""

    def __init__(self, schema: Record) -> None:
        self.schema = fastavro.parse_schema(schema)
        canonical = fastavro.schema.to_parsing_canonical_form(schema)
        self.header = b"\xc3\x01" + bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))

    def __call__(self, record: Record) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.schema, record)
        return self.header + out.getvalue()


def schemas(folder: Path) -> tuple[Record, Record]:
    """The schemas of an interaction and of a batch of them, newest version."""
    versions = sorted((folder / "Interaction").glob("*.avsc"), key=lambda file: int(file.stem))
    interaction = json.loads(versions[-1].read_text())
    batch = json.loads((folder / "InteractionBatch" / "1.avsc").read_text())
    batch["fields"][0]["type"]["items"] = interaction
    return interaction, batch


def clicks(count: int, ids: RequestIds) -> list[Record]:
    """Something to write. `event_id` is given once, when the event happens, and kept when it is sent again."""
    return [
        {
            "event_id": ids.next(),
            "type": "click",
            "user_id": random.randrange(1_000),
            "post_id": random.randrange(10_000),
            "author_id": random.randrange(100),
            "content_type": "photo",
            "region": "eu",
            "request_id": ids.next(),
            "position": random.randint(1, 20),
            "dwell_ms": None,
            "surface": "home",
            "at_ms": time.time_ns() // 1_000_000,
        }
        for _ in range(count)
    ]


def failed(error: KafkaError | None, message: Message) -> None:
    """Called for each message that was not written."""
    raise SystemExit(f"partition {message.partition()}: {error}")


def main() -> None:
    """Write `--count` interactions, `--batch` to a message."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bootstrap", required=True)
    options.add_argument("--topic", default="interactions")
    options.add_argument("--schemas", type=Path, required=True)
    options.add_argument("--partitions", type=int, default=64)
    options.add_argument("--count", type=int, default=1_000)
    options.add_argument("--batch", type=int, default=1)
    options.add_argument("--node", type=int, default=0)
    given = options.parse_args()

    one, many = map(Writer, schemas(given.schemas))
    producer = Producer(
        {
            "bootstrap.servers": given.bootstrap,
            "partitioner": "murmur2",
            "enable.idempotence": True,
            "delivery.report.only.error": True,
            "compression.type": "lz4",
            "linger.ms": 20,
        }
    )
    records = clicks(given.count, RequestIds(given.node))
    if given.batch == 1:
        for record in records:
            # The key decides the partition.
            producer.produce(given.topic, one(record), key_of(record["user_id"]), on_delivery=failed)
            producer.poll(0)
    else:
        # All records of a message are of one partition, in the order in which they happened.
        waiting: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            place = partition(record["user_id"], given.partitions)
            waiting[place].append(record)
            if len(waiting[place]) == given.batch:
                value = many({"records": waiting.pop(place)})
                producer.produce(given.topic, value, partition=place, on_delivery=failed)
                producer.poll(0)
        for place, rest in waiting.items():
            producer.produce(given.topic, many({"records": rest}), partition=place, on_delivery=failed)
    if producer.flush(30):
        raise SystemExit("Kafka did not take everything within 30 s")
    print(f"{len(records)} interactions written to {given.topic}")


if __name__ == "__main__":
    main()
