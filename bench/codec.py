"""The codec on clean and on hostile batches, beside the libraries alone: `python -m bench.codec`.

Every line is the least CPU time of several rounds, in which the lines take turns. A hostile batch has one bad value
in a hundred; its ratio is against the clean batch of the same values.
"""

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, cast

import fastavro
import numpy as np
import pyarrow as pa
import pyruhvro

from bench.measure import cpu_seconds
from schemas.codec import Codec
from schemas.records import arrow_schema, avro_schema, batch_schema, enum_symbols, fingerprint, versions

RECORDS = 50_000
HEADER_BYTES = 10
PER_BATCH = 300
REQUESTS = 2_000
EVERY = 100
ROUNDS = 9

Damage = Callable[[bytes], bytes]


def interactions(count: int) -> pa.RecordBatch:
    """Interactions of about 67 bytes: all ids at random, few words, half of the nullable fields null."""
    random = np.random.default_rng(1)

    def pick(words: Sequence[str | None]) -> pa.Array:
        return pa.array(np.array(words, object)[random.integers(0, len(words), count)], pa.string())

    symbols = pa.array(enum_symbols("Interaction", "type"))
    codes = pa.array(random.integers(0, len(symbols), count), pa.int8())
    columns = {
        "event_id": random.integers(0, 1 << 62, count),
        "type": pa.DictionaryArray.from_arrays(codes, symbols),
        "user_id": random.integers(0, 1 << 40, count),
        "post_id": random.integers(0, 1 << 50, count),
        "author_id": random.integers(0, 1 << 40, count),
        "content_type": pick(["video", "image", "text", "link"]),
        "region": pick(["de", "us", "br", None]),
        "request_id": pa.array(random.integers(0, 1 << 62, count), mask=random.random(count) < 0.2),
        "position": pa.array(random.integers(1, 60, count).astype(np.int32), mask=random.random(count) < 0.2),
        "dwell_ms": pa.array(
            random.integers(0, 90_000, count).astype(np.int32), mask=random.random(count) < 0.9
        ),
        "surface": pick(["home", "search", "profile"]),
        "at_ms": 1_577_836_800_000 + np.arange(count),
    }
    return pa.RecordBatch.from_pydict(columns, arrow_schema("Interaction"))


def served(count: int) -> list[bytes]:
    """Responses of 20 items with 30 features each, about 3 kB."""
    random = np.random.default_rng(2)
    schema = avro_schema("Served")
    parsed, header = fastavro.parse_schema(schema), b"\xc3\x01" + fingerprint(schema)
    values = []
    for request in range(count):
        features = random.random(30).tolist()
        item = {
            "post_id": 1 << 50,
            "author_id": 1 << 40,
            "source": "inbox",
            "score": 0.5,
            "policy_propensity": 1.0,
            "item_features": features,
        }
        row = {
            "request_id": request,
            "user_id": 1 << 40,
            "served_at_ms": 1 << 40,
            "scored_at_ms": 1 << 40,
            "model_version": "m-1",
            "feature_set": "f-1",
            "surface": "home",
            "arms": {"ranker": "b"},
            "context": {"region": "de", "language": "de", "device": "web"},
            "user_features": features,
            "items": [item | {"position": i + 1} for i in range(20)],
        }
        buffer = BytesIO()
        buffer.write(header)
        fastavro.schemaless_writer(buffer, parsed, row)
        values.append(buffer.getvalue())
    return values


def changed(value: bytes, longs: int, byte: bytes) -> bytes:
    """An interaction with another byte after its first `longs` fields."""
    at = HEADER_BYTES
    for _ in range(longs):
        while value[at] >= 0x80:
            at += 1
        at += 1
    return value[:at] + byte + value[at + 1 :]


DAMAGES: dict[str, Damage] = {
    "cut short": lambda value: value[:-5],
    "cut in the middle": lambda value: value[: len(value) // 2],
    "a byte more": lambda value: value + b"x",
    "twice": lambda value: value + value,
    "unknown schema": lambda value: value[:2] + b"unknown." + value[10:],
    "garbage": lambda value: value[::-1],
    "empty": lambda value: b"",
}
INTERACTION_DAMAGES: dict[str, Damage] = {
    **DAMAGES,
    "unknown word": lambda value: changed(value, 1, b"\x40"),
    "unknown branch": lambda value: changed(value, 5, b"\x40"),
    "string beyond the end": lambda value: changed(value, 5, b"\x02\x7e"),
    "not UTF-8": lambda value: value[:-7] + b"\xff" + value[-6:],
    "not UTF-8, or broken": lambda value: value.replace(b"e", b"\xff"),
}


def hostile(values: Sequence[bytes], damage: Damage) -> list[bytes]:
    """The values with every hundredth damaged."""
    return [damage(value) if i % EVERY == EVERY // 2 else value for i, value in enumerate(values)]


def least(work: dict[str, Callable[[], object]], records: int) -> dict[str, float]:
    """Microseconds of CPU a record of each, at best."""
    best = dict.fromkeys(work, float("inf"))
    for _ in range(ROUNDS):
        for name, run in work.items():
            began = cpu_seconds()
            run()
            best[name] = min(best[name], (cpu_seconds() - began) / records * 1e6)
    return best


def one_by_one(values: Sequence[bytes], writer: dict[str, Any]) -> None:
    """What fastavro takes without making columns."""
    for value in values:
        fastavro.schemaless_reader(BytesIO(value[HEADER_BYTES:]), writer, None)


def print_against(title: str, times: dict[str, float], base: str) -> None:
    """One line each, with its ratio."""
    print(title)
    for name, microseconds in times.items():
        print(f"  {name:<44}{microseconds:>8.3f} us{microseconds / times[base]:>9.2f} x")


def in_turn(some: list[bytes], others: list[bytes]) -> list[bytes]:
    """Every second value of each list."""
    return [other if i % 2 else one for i, (one, other) in enumerate(zip(some, others, strict=True))]


def older_values(rows: pa.RecordBatch) -> list[bytes]:
    """The rows as an earlier writer would have written them."""
    schema = versions("Interaction")[0]
    parsed, header = fastavro.parse_schema(schema), b"\xc3\x01" + fingerprint(schema)
    values = []
    for row in rows.to_pylist():
        buffer = BytesIO()
        buffer.write(header)
        fastavro.schemaless_writer(buffer, parsed, row)
        values.append(buffer.getvalue())
    return values


def print_decode(codec: Codec, rows: pa.RecordBatch, values: list[bytes], batches: list[bytes]) -> None:
    """Clean batches, beside the libraries alone."""
    schema = avro_schema("Interaction")
    text, parsed = json.dumps(schema), cast(dict[str, Any], fastavro.parse_schema(schema))
    bare, older = [value[HEADER_BYTES:] for value in values], older_values(rows)
    mixed = in_turn(values, older)
    by_id = Codec("Interaction", ids={"Interaction": 1, "InteractionBatch": 2})
    with_ids, batches_with_ids = by_id.encode(rows), by_id.encode_batches(rows, PER_BATCH)
    both_forms = in_turn(values, with_ids)
    work: dict[str, Callable[[], object]] = {
        "decode": lambda: codec.decode(values),
        f"decode, {PER_BATCH} a message": lambda: codec.decode(batches),
        "decode, all of an earlier writer": lambda: codec.decode(older),
        "decode, two writers in turn": lambda: codec.decode(mixed),
        "decode, schema ids": lambda: by_id.decode(with_ids),
        f"decode, schema ids, {PER_BATCH} a message": lambda: by_id.decode(batches_with_ids),
        "decode, both forms in turn": lambda: by_id.decode(both_forms),
        "pyruhvro alone, no header, nothing checked": lambda: pyruhvro.deserialize_array(bare, text),
        "fastavro alone, into dicts": lambda: one_by_one(values, parsed),
        "encode": lambda: codec.encode(rows),
        f"encode, {PER_BATCH} a message": lambda: codec.encode_batches(rows, PER_BATCH),
        "encode, schema ids": lambda: by_id.encode(rows),
    }
    size = sum(map(len, values)) / RECORDS
    print_against(f"interactions of {size:.0f} bytes, {RECORDS} a call", least(work, RECORDS), "decode")


def print_hostile(
    title: str, codec: Codec, values: list[bytes], damages: dict[str, Damage], records: int
) -> None:
    """One value in a hundred damaged, in several ways."""
    damaged = {name: hostile(values, damage) for name, damage in damages.items()}
    for name, batch in damaged.items():
        assert codec.decode(batch).bad, name
    work: dict[str, Callable[[], object]] = {"clean": lambda: codec.decode(values)}
    work |= {name: lambda batch=batch: codec.decode(batch) for name, batch in damaged.items()}  # type: ignore[misc]
    print_against(title, least(work, records), "clean")


def main() -> None:
    """Print every table."""
    codec, rows = Codec("Interaction"), interactions(RECORDS)
    values, batches = codec.encode(rows), codec.encode_batches(rows, PER_BATCH)
    print_decode(codec, rows, values, batches)
    print_hostile("interactions, one in a hundred bad", codec, values, INTERACTION_DAMAGES, RECORDS)
    print_hostile("batches of interactions, one message in a hundred bad", codec, batches, DAMAGES, RECORDS)
    word = hostile(values, INTERACTION_DAMAGES["unknown word"])
    schema = batch_schema("InteractionBatch", avro_schema("Interaction"))
    header = b"\xc3\x01" + fingerprint(schema)
    count = bytes([PER_BATCH * 2 % 128 + 128, PER_BATCH * 2 // 128])
    bodies = [value[HEADER_BYTES:] for value in word]
    starts = range(0, RECORDS // PER_BATCH * PER_BATCH, PER_BATCH)
    joined = [header + count + b"".join(bodies[start : start + PER_BATCH]) + b"\0" for start in starts]
    times = least(
        {"clean": lambda: codec.decode(batches), "unknown word": lambda: codec.decode(joined)}, RECORDS
    )
    print_against("batches of interactions, one record in a hundred bad", times, "clean")
    print_hostile("served, one in a hundred bad", Codec("Served"), served(REQUESTS), DAMAGES, REQUESTS)


if __name__ == "__main__":
    main()
