"""A strict walk over the bytes of one Avro value, which says in a sentence what is wrong and where.

It knows two kinds of wrong. *Broken*: what follows can't be read either (BadValueError). *A fault*: a number or a
string that its type doesn't allow, but whose end is known, so that the walk goes on and the fault is noted.

It accepts just what the fast path accepts, in every corner, since which of the two reads a value depends on its
neighbours in the batch, and what is decided about it must not.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from schemas.errors import UsageError

Faults = list[str]
Step = Callable[[bytes, int, Faults], int]
"""Walks over one value from a position to the position after it."""

_FIXED: Final = {"float": 4, "double": 8, "null": 0}
_INT: Final = range(-(2**31), 2**31)
_match_varint: Final = re.compile(rb"[\x80-\xff]{0,9}[\x00-\x7f]").match
_LEAST_LONG: Final = -(2**63)


class BadValueError(Exception):
    """The bytes are no such record; the message is one sentence that says why."""


def read_long(data: bytes, at: int, what: str) -> tuple[int, int]:
    """The Avro long at `at` and the position after it."""
    if at < len(data) and data[at] < 0x80:
        byte = data[at]
        return (byte >> 1) ^ -(byte & 1), at + 1
    varint = _match_varint(data, at)
    if varint is None:
        raise _no_long(data, at, what)
    bits = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(data[at : varint.end()]))
    bits &= 0xFFFF_FFFF_FFFF_FFFF  # as the fast path does with the spare bits of a tenth byte
    return (bits >> 1) ^ -(bits & 1), varint.end()


def _no_long(data: bytes, at: int, what: str) -> BadValueError:
    if len(data) - at < 10:
        return BadValueError(f"the bytes end within {what}")
    return BadValueError(f"{what} has a number of more than ten bytes")


def read_count(data: bytes, at: int, what: str) -> tuple[int | None, int]:
    """How many items the block of an array or map at `at` has, None at its end, and the position after that."""
    count, at = read_long(data, at, what)
    if count < 0:  # then the size of the block follows; the least long has no positive and counts as 0
        _, at = read_long(data, at, what)
        count = -count if count > _LEAST_LONG else 0
    elif count == 0:
        return None, at
    if count > len(data) - at:
        raise BadValueError(f"{what} says that it has {count} items, where {len(data) - at} bytes are left")
    return count, at


def checker(avro: Any, what: str = "the record", named: dict[str, Any] | None = None) -> Step:
    """The walk over one `avro`, called `what` in messages; `named` are the named types seen so far.

    Raises UsageError for a type that contains itself: no record of ours does, and a value could nest without end.
    """
    named = {} if named is None else named
    match avro:
        case "long":
            return _long(what)
        case "int":
            return _number(what, _INT, "32-bit number")
        case {"type": "enum", "symbols": symbols}:
            _remember(named, avro, avro)
            return _number(what, range(len(symbols)), f"code of its {len(symbols)} words")
        case "boolean":
            return _boolean(what)
        case "string":
            return _text(what)
        case "bytes":
            return lambda data, at, faults: _span(data, at, what)[1]
        case "null" | "float" | "double":
            return _skip(_FIXED[avro], what)
        case {"type": "fixed", "size": size}:
            _remember(named, avro, avro)
            return _skip(size, what)
        case list():
            return _union([checker(branch, what, named) for branch in avro], what)
        case {"type": "array", "items": items}:
            return _blocks([checker(items, what, named)], what)
        case {"type": "map", "values": values}:
            return _blocks([_text(what), checker(values, what, named)], what)
        case {"type": "record", "fields": fields}:
            _remember(named, avro, None)
            prefix = "field " if what == "the record" else f"{what}."
            steps = [checker(field["type"], prefix + field["name"], named) for field in fields]
            _remember(named, avro, avro)
            return _record(steps)
        case {"type": inner}:
            return checker(inner, what, named)
        case str() if avro.rpartition(".")[2] in named:
            known = named[avro.rpartition(".")[2]]
            if known is None:
                raise UsageError(
                    f"a writer's schema has the type {avro}, which contains itself; it can't be read"
                )
            return checker(known, what, dict(named))
    raise ValueError(f"{avro!r} is no Avro type")


def _remember(named: dict[str, Any], avro: dict[str, Any], known: Any) -> None:
    named[avro["name"].rpartition(".")[2]] = known


def _long(what: str) -> Step:
    def walk(data: bytes, at: int, faults: Faults) -> int:
        varint = _match_varint(data, at)
        if varint is None:
            raise _no_long(data, at, what)
        return varint.end()

    return walk


def _number(what: str, allowed: range, kind: str) -> Step:
    def walk(data: bytes, at: int, faults: Faults) -> int:
        number, at = read_long(data, at, what)
        if number not in allowed:
            faults.append(f"{what} is {number}, which is no {kind}")
        return at

    return walk


def _boolean(what: str) -> Step:
    def walk(data: bytes, at: int, faults: Faults) -> int:
        if at >= len(data):
            raise BadValueError(f"the bytes end before {what}")
        if data[at] > 1:
            raise BadValueError(f"{what} is the byte {data[at]}, which is neither true nor false")
        return at + 1

    return walk


def _skip(size: int, what: str) -> Step:
    def walk(data: bytes, at: int, faults: Faults) -> int:
        if at + size > len(data):
            raise BadValueError(f"the bytes end within {what}")
        return at + size

    return walk


def _span(data: bytes, at: int, what: str) -> tuple[int, int]:
    length, start = read_long(data, at, what)
    if not 0 <= length <= len(data) - start:
        raise BadValueError(f"{what} says that it has {length} bytes, where {len(data) - start} are left")
    return start, start + length


def _text(what: str) -> Step:
    def walk(data: bytes, at: int, faults: Faults) -> int:
        start, end = _span(data, at, what)
        try:
            data[start:end].decode()
        except UnicodeDecodeError:
            faults.append(f"{what} is not UTF-8")
        return end

    return walk


def _union(branches: list[Step], what: str) -> Step:
    def walk(data: bytes, at: int, faults: Faults) -> int:
        branch, at = read_long(data, at, what)
        if not 0 <= branch < len(branches):
            raise BadValueError(f"{what} says that it has branch {branch} of a union of {len(branches)}")
        return branches[branch](data, at, faults)

    return walk


def _blocks(parts: list[Step], what: str) -> Step:
    def walk(data: bytes, at: int, faults: Faults) -> int:
        while True:
            count, at = read_count(data, at, what)
            if count is None:
                return at
            for _ in range(count):
                for part in parts:
                    at = part(data, at, faults)

    return walk


def _record(fields: list[Step]) -> Step:
    def walk(data: bytes, at: int, faults: Faults) -> int:
        for field in fields:
            at = field(data, at, faults)
        return at

    return walk
