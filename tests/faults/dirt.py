"""Everything bad that may stand between good interactions, each with the dead letter that it must become."""

import io
from copy import deepcopy
from dataclasses import dataclass, replace

import fastavro

from schemas.records import batch_schema, fingerprint
from tests.faults.traffic import MINUTE, SCHEMA, Event, Message, encoded, message, refused
from tests.flows.harness import PARTITIONS
from tests.flows.oracle import placed
from tests.operators.events import event

DAY = 86_400_000
USER = 7
UNKNOWN_FINGERPRINT = b"\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08"


@dataclass(frozen=True)
class Dirt:
    """Messages, and the dead letters that come of them: reason and value; a repeat leaves none."""

    messages: list[Message]
    letters: list[tuple[str, bytes | None]]


def dirt(now_ms: int, largest: int) -> dict[str, Dirt]:
    """Each kind by name, for a log that is read up to `now_ms`; a record above `largest` bytes is too large."""
    numbers = iter(range(1_000_000, 2_000_000))

    def one(**fields: object) -> Event:
        return event(**{"event_id": next(numbers), "user_id": USER, "at_ms": now_ms - MINUTE, **fields})

    def damaged(value: bytes, reason: str = "undecodable") -> Dirt:
        return Dirt([refused(one(), value=value)], [(reason, value)])

    def misjudged(reason: str, row: Event, append_ms: int | None = None) -> Dirt:
        return Dirt([refused(row, append_ms)], [(reason, encoded(row))])

    plain = encoded(one())
    future, absurd, old = one(at_ms=now_ms + 27 * DAY), one(at_ms=1 << 62), one(at_ms=now_ms - 365 * DAY)
    elsewhere = one()
    moved = refused(elsewhere)
    moved = replace(moved, partition=(moved.partition + 1) % PARTITIONS)
    large = encoded(one(surface="x" * (2 * largest)))
    again = message(one())
    return {
        "cut off": damaged(plain[:-3]),
        "cut in the header": damaged(plain[:6]),
        "empty": damaged(b""),
        "of an unknown writer": damaged(UNKNOWN_FINGERPRINT + plain[10:]),
        "not Avro at all": damaged(b'{"event_id": 1, "type": "click"}'),
        "with trailing bytes": damaged(plain + b"\x00\x00"),
        "of an unknown type": damaged(_with_type(one(), 99)),
        "without a value": Dirt([replace(refused(one()), value=None)], [("undecodable", None)]),
        "too large": Dirt([refused(one(), value=large)], [("too_large", large)]),
        "27 days ahead": misjudged("future", future, now_ms),
        "a year old": misjudged("late", old, now_ms),
        "at 2^62": misjudged("undecodable", absurd, now_ms),
        "at -2^62": misjudged("undecodable", one(at_ms=-(1 << 62)), now_ms),
        "in the wrong partition": Dirt([moved], [("partition", encoded(elsewhere))]),
        "a repeat": Dirt([again, replace(again, events=())], []),
        "a bad record in a batch": _batch_with_bad(one(), one(at_ms=now_ms + DAY), one()),
        "a batch of none": Dirt([refused(one(), value=_batch([]))], []),
        "a batch that is cut off": damaged(_batch([one(), one()])[:-4]),
        "ids at their edges": Dirt([message(one(**ids)) for ids in _edges()], []),
    }


def _edges() -> list[dict[str, object]]:
    """Ids that are negative, zero, and as large or small as they get: all of them are right."""
    extremes = (0, -1, -(1 << 63), (1 << 63) - 1)
    return [{"user_id": each, "post_id": each, "author_id": each} for each in extremes]


def _with_type(row: Event, code: int) -> bytes:
    """A record whose enum has a code that no symbol has: the type follows the event id, both zig-zag."""
    loose = deepcopy(SCHEMA)
    loose["fields"][1]["type"] = "int"
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(loose), {**row, "type": code})
    return b"\xc3\x01" + fingerprint(SCHEMA) + out.getvalue()


def _batch(rows: list[Event]) -> bytes:
    schema = batch_schema("InteractionBatch", SCHEMA)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), {"records": rows})
    return b"\xc3\x01" + fingerprint(schema) + out.getvalue()


def _batch_with_bad(before: Event, ahead: Event, after: Event) -> Dirt:
    """A batch of three, of which one is ahead of its time: only that one is set aside, on its own."""
    partition = placed(USER, PARTITIONS)
    carried = Message(partition, _batch([before, ahead, after]), before["at_ms"], (before, after))
    return Dirt([carried], [("future", encoded(ahead))])
