"""Turns simulated rows into the columns of the records that are written."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.records import arrow_schema, enum_symbols
from sources.simulate.events import CONTENT_TYPES, POLICY_LABELS, SURFACES, Rows
from sources.simulate.network import LANGUAGES, REGIONS, TOPICS, Network


def interactions(rows: Rows, network: Network) -> pa.RecordBatch:
    """`Interaction` records."""
    columns = {
        "event_id": rows["event_id"],
        "type": _enum("Interaction", "type", rows["type"]),
        "user_id": network.ids[rows["user"]],
        "post_id": rows["post_id"],
        "author_id": network.ids[rows["author"]],
        "content_type": _words(CONTENT_TYPES, rows["content"]),
        "region": _words(REGIONS, rows["region"]),
        "request_id": pa.array(rows["request_id"], pa.int64(), mask=rows["request_id"] == 0),
        "position": pa.array(rows["position"].astype(np.int32), pa.int32(), mask=rows["position"] == 0),
        "dwell_ms": pa.array(rows["dwell_ms"], pa.int32(), mask=rows["dwell_ms"] < 0),
        "surface": _words(SURFACES, rows["surface"]),
        "at_ms": rows["at_ms"],
    }
    return _batch("Interaction", columns)


def posts(rows: Rows, network: Network) -> pa.RecordBatch:
    """`Post` records."""
    region = network.region[rows["author"]]
    columns = {
        "op": _enum("Post", "op", rows["op"]),
        "post_id": rows["post_id"],
        "author_id": network.ids[rows["author"]],
        "content_type": _words(CONTENT_TYPES, rows["content"]),
        "topics": _sets(TOPICS, rows["topics"]),
        "language": _words(LANGUAGES, region),
        "region": _words(REGIONS, region),
        "has_media": pa.array(np.isin(rows["content"], [1, 2])),
        "text_length": rows["text_length"],
        "reply_to": pa.array(rows["reply_to"], pa.int64(), mask=rows["reply_to"] == 0),
        "labels": _sets(POLICY_LABELS, rows["labels"]),
        "at_ms": rows["at_ms"],
    }
    return _batch("Post", columns)


def follows(rows: Rows, network: Network) -> pa.RecordBatch:
    """`Follow` records."""
    columns = {
        "op": _enum("Follow", "op", rows["op"]),
        "follower_id": network.ids[rows["follower"]],
        "author_id": network.ids[rows["author"]],
        "weight": rows["weight"],
        "at_ms": rows["at_ms"],
    }
    return _batch("Follow", columns)


def users(rows: Rows, network: Network) -> pa.RecordBatch:
    """`User` records."""
    region = network.region[rows["user"]]
    columns = {
        "user_id": network.ids[rows["user"]],
        "country": _words(REGIONS, region),
        "language": _words(LANGUAGES, region),
        "created_ms": rows["created_ms"],
        "interests": _sets(TOPICS, network.interests[rows["user"]]),
        "at_ms": rows["at_ms"],
    }
    return _batch("User", columns)


def _batch(record: str, columns: dict[str, pa.Array | npt.NDArray[np.generic]]) -> pa.RecordBatch:
    schema = arrow_schema(record)
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(np.ascontiguousarray(column), field.type)
        for field, column in ((field, columns[field.name]) for field in schema)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _enum(record: str, field: str, codes: npt.NDArray[np.int8]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(np.ascontiguousarray(codes)), _dictionary(enum_symbols(record, field))
    )


@cache
def _dictionary(words: tuple[str, ...]) -> pa.StringArray:
    return pa.array(words, pa.string())


def _words(words: tuple[str, ...], codes: npt.NDArray[np.int8]) -> pa.StringArray:
    """The word of each code, null for a negative one."""
    return _dictionary(words).take(pa.array(np.ascontiguousarray(codes), mask=codes < 0))


def _sets(words: tuple[str, ...], masks: npt.NDArray[np.unsignedinteger]) -> pa.ListArray:
    """The words whose bits are set, as lists."""
    row, bit = np.nonzero(masks[:, None] >> np.arange(len(words), dtype=masks.dtype) & masks.dtype.type(1))
    offsets = np.searchsorted(row, np.arange(len(masks) + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), _dictionary(words).take(pa.array(bit)))
