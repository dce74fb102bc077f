"""What Redis must hold after a file log was read: everything again in plain Python, from the bytes on disk."""

import io
import json
import math
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import redis

from schemas.records import avro_schema, fingerprint
from schemas.registry import Registry
from schemas.settings import Settings
from tests.operators.naive_affinity import hashes
from tests.operators.naive_windows import Event, vector

BEGINNING = -(1 << 62)
ENTITIES = {"post": "post_id", "author": "author_id", "user": "user_id"}
AFFINITY = {"user_author": "affinity", "user_type": "affinity_type"}


@dataclass
class Truth:
    """Accepted interactions, refused records by topic and reason, and the largest watermark of any partition."""

    events: list[Event] = field(default_factory=list)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    clock: int = BEGINNING


def messages(root: Path, topic: str, partition: int) -> Iterator[tuple[int, bytes | None]]:
    """Append time and value of each message of a partition, in order of offset."""
    for segment in sorted((root / topic / f"{partition:05d}").glob("*.avro")):
        with segment.open("rb") as file:
            for message in fastavro.reader(file):
                assert isinstance(message, dict)
                yield message["append_ms"], message["value"]


def murmur2(data: bytes) -> int:
    """The hash of Kafka's default partitioner (MurmurHash2, seed 0x9747b28c)."""
    h = 0x9747B28C ^ len(data)
    for start in range(0, len(data), 4):
        k = int.from_bytes(data[start : start + 4], "little") * 0x5BD1E995 & 0xFFFFFFFF
        k = (k ^ k >> 24) * 0x5BD1E995 & 0xFFFFFFFF
        h = h * 0x5BD1E995 & 0xFFFFFFFF ^ k
    h = (h ^ h >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return h ^ h >> 15


def placed(key: int, partitions: int) -> int:
    """The partition of an id."""
    return (murmur2(struct.pack(">q", key)) & 0x7FFFFFFF) % partitions


def judged(root: Path, settings: Settings) -> Truth:
    """Judge every record of `interactions` and `users`, one by one."""
    truth = Truth()
    for topic, record in (("interactions", "Interaction"), ("users", "User")):
        if (root / topic).exists():
            for partition in range(settings.partitions):
                _judge(truth, root, topic, record, partition, settings)
    return truth


def _judge(truth: Truth, root: Path, topic: str, record: str, partition: int, settings: Settings) -> None:
    schema = fastavro.parse_schema(avro_schema(record))
    header = b"\xc3\x01" + fingerprint(avro_schema(record))
    watermark = BEGINNING
    ids: dict[int, int] = {}
    for append_ms, value in messages(root, topic, partition):
        if value is None:
            continue
        row = _decoded(value, header, schema)
        if row is None:
            verdict = "undecodable"
        elif placed(row["user_id"], settings.partitions) != partition:
            verdict = "partition"
        elif row["at_ms"] > append_ms + settings.max_ahead_ms:
            verdict = "future"
        elif row["at_ms"] < watermark - settings.allowed_lateness_ms or (
            settings.time == "live" and row["at_ms"] < append_ms - settings.allowed_lateness_ms
        ):
            verdict = "late"
        elif topic == "interactions" and ids.get(row["event_id"], BEGINNING) > max(
            watermark - settings.dedupe_horizon_ms, BEGINNING
        ):
            verdict = "repeat"
        else:
            verdict = ""
        if verdict or row is None:
            truth.refused[topic, verdict] += 1
            continue
        watermark = max(watermark, min(row["at_ms"], append_ms))
        if topic == "interactions":
            ids[row["event_id"]] = max(ids.get(row["event_id"], BEGINNING), row["at_ms"])
            truth.events.append(row)
    truth.clock = max(truth.clock, watermark)


def _decoded(value: bytes, header: bytes, schema: Any) -> Event | None:
    if value[:10] != header:
        return None
    stream = io.BytesIO(value[10:])
    try:
        row = fastavro.schemaless_reader(stream, schema)
    except (EOFError, IndexError, ValueError, UnicodeDecodeError):
        return None
    assert isinstance(row, dict)
    return row if not stream.read(1) else None


def vectors(truth: Truth, registry: Registry, settings: Settings) -> dict[str, tuple[int, list[float]]]:
    """As-of time and values of every vector, by Redis key, of hashes by key and field; values as float32."""
    by_key: dict[tuple[str, int], list[Event]] = defaultdict(list)
    for event in truth.events:
        for entity, column in ENTITIES.items():
            by_key[entity, event[column]].append(event)
    found = {}
    for (entity, key), events in by_key.items():
        t, values = vector(entity, events, truth.clock, registry, settings.position_curve)
        name = f"features:user:{{{key}}}" if entity == "user" else f"features:{entity}:{key}"
        found[name] = (t, np.array(values, np.float64).astype(np.float32).tolist())
    ttl_ms = settings.ttl.user_days * 86_400_000
    for (entity, user), fields in hashes(truth.events, {}, truth.clock, registry, ttl_ms).items():
        for other, (t, packed) in fields.items():
            found[f"{AFFINITY[entity]}:{{{user}}} {other}"] = (t, np.frombuffer(packed, "<f4").tolist())
    return found


def in_redis(client: redis.Redis, prefix: str = "") -> dict[str, tuple[int, list[float]]]:
    """The same as Redis has it."""
    found = {}
    for key in client.scan_iter(f"{prefix}features:*", count=10_000):
        value: Any = client.get(key)
        layout, _, count, t = struct.unpack_from("<HHIq", value)
        assert layout == 1
        found[key.decode().removeprefix(prefix)] = (t, list(struct.unpack_from(f"<{count}f", value, 16)))
    for key in client.scan_iter(f"{prefix}affinity*", count=10_000):
        fields: Any = client.hgetall(key)
        for other, value in fields.items():
            layout, _, count, t = struct.unpack_from("<HHIq", value)
            assert layout == 1
            name = f"{key.decode().removeprefix(prefix)} {other.decode()}"
            found[name] = (t, list(struct.unpack_from(f"<{count}f", value, 16)))
    return found


def differences(
    found: dict[str, tuple[int, list[float]]], wanted: dict[str, tuple[int, list[float]]]
) -> dict[str, Any]:
    """Keys with what differs; NaN equals NaN."""

    def same(left: tuple[int, list[float]], right: tuple[int, list[float]]) -> bool:
        pairs = zip(left[1], right[1], strict=True)
        return left[0] == right[0] and all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in pairs)

    return {
        key: (found.get(key), wanted.get(key))
        for key in sorted(found.keys() | wanted.keys())
        if key not in found or key not in wanted or not same(found[key], wanted[key])
    }


def truth_file(root: Path) -> dict[str, Any]:
    """What the simulator says it wrote."""
    found: dict[str, Any] = json.loads((root / "simulated.json").read_text())
    return found
