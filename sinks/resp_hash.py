"""What users are to authors and content types as Redis commands: hashes by user, a field each.

A row becomes the bytes of its field and value, and stands between what begins and what ends the command of its user:
so rows in the order of users, joined, are the commands.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.effects import AffinitySet
from schemas.frame import Int64s
from schemas.keys import VECTOR_KEYS, affixes
from schemas.vector import VALUE
from sinks.resp_parts import Bytes, Request, command

BINARY: Final = pa.binary()
NOTHING: Final = pa.scalar(b"", BINARY)

ROWS: Final = 16_384
"""Most fields in a request, or all of one user."""

WHERE_THERE: Final = """\
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[1] == '1' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
return redis.call('EXPIRE', KEYS[1], ARGV[2])"""
"""Sets fields of a hash that is there, and nothing where it has expired: `HSET` has no `XX`."""

TAKE, SET, SET_WHOLE, RESET, RESET_WHOLE = range(5)
"""Commands: fields that go; fields to which something happened, or a whole hash; the same where only time passed."""

_REPLIES: Final = np.array([1, 2, 5, 1, 1])
_LINES: Final = np.array([1, 2, 8, 1, 1])
_WORDS: Final = np.array([2, 2, 2, 6, 6])
_WORDS_A_FIELD: Final = np.array([1, 2, 2, 2, 2])


def hashes(effect: AffinitySet, prefix: str, ttl_s: int, headers: Bytes) -> Iterator[Request]:
    """Requests that do what an effect says; `headers` are those of its vectors, uint8[n, 16]."""
    before, after = (text.encode() for text in affixes(VECTOR_KEYS[effect.entity], prefix))
    whole = np.isin(effect.user_ids, effect.whole)
    rows = np.flatnonzero(~(effect.gone & whole))
    emptied = np.setdiff1d(effect.whole, effect.user_ids[rows])
    if len(emptied):
        names = [f"{before.decode()}{user}{after.decode()}" for user in emptied.tolist()]
        deletions = b"".join(command("DEL", name) for name in names)
        yield Request(deletions, len(names), plain=False, lines=len(names))
    happened = effect.user_ids[~effect.expiry & ~effect.gone]
    verbs = SET + whole + 2 * ~np.isin(effect.user_ids, happened)
    verbs[effect.gone] = TAKE
    rows = rows[np.lexsort((verbs[rows], effect.user_ids[rows]))]
    values = np.concatenate((headers, np.ascontiguousarray(effect.values, VALUE).view(np.uint8)), axis=1)
    starts = _starts(effect.user_ids[rows], verbs[rows])
    cuts = np.unique(starts[np.searchsorted(starts, np.arange(0, len(rows), ROWS), side="right") - 1])
    for first, end in pairwise([*cuts.tolist(), len(rows)]):
        some = rows[first:end]
        items = _items(effect.fields.take(pa.array(some)), values[some], effect.gone[some])
        mine = starts[slice(*np.searchsorted(starts, (first, end)))]
        commands = _commands(
            effect.user_ids[rows[mine]], verbs[rows[mine]], np.diff([*mine, end]), before, after, ttl_s
        )
        data = _between(*commands, items, mine - first)
        found = verbs[rows[mine]]
        yield Request(data, int(_REPLIES[found].sum()), plain=False, lines=int(_LINES[found].sum()))


def _starts(users: Int64s, verbs: Int64s) -> Int64s:
    """Where a command begins among rows in the order of users and verbs."""
    if not len(users):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], (users[1:] != users[:-1]) | (verbs[1:] != verbs[:-1]))))


def _items(fields: pa.Array, values: Bytes, gone: npt.NDArray[np.bool_]) -> pa.Array:
    """A field, and its value unless it goes."""
    width = values.shape[1]
    packed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(values), [None, pa.py_buffer(values)])
    value = _joined(b"$%d\r\n" % width, packed.cast(BINARY), b"\r\n")
    return _joined(_word(fields.cast(pa.string()).cast(BINARY)), pc.if_else(pa.array(gone), NOTHING, value))


def _commands(
    users: Int64s, verbs: Int64s, counts: Int64s, before: bytes, after: bytes, ttl_s: int
) -> tuple[pa.Array, pa.Array]:
    """What begins and what ends each command, given its user, verb and number of fields."""
    script = WHERE_THERE.encode()
    ttl = str(ttl_s).encode()
    eval_script = b"$4\r\nEVAL\r\n$%d\r\n%b\r\n$1\r\n1\r\n" % (len(script), script)
    expire = b"$%d\r\n%b\r\n" % (len(ttl), ttl)
    name = _word(_joined(before, pa.array(users).cast(pa.string()).cast(BINARY), after))
    is_set = pa.array(np.isin(verbs, (SET, SET_WHOLE)))
    words = pa.array(_WORDS[verbs] + _WORDS_A_FIELD[verbs] * counts).cast(pa.string()).cast(BINARY)
    begin = _joined(
        _by_verb(verbs, b"", b"", command("MULTI") + b"*2\r\n$3\r\nDEL\r\n", b"", b""),
        pc.if_else(pa.array(verbs == SET_WHOLE), name, NOTHING),
        b"*",
        words,
        b"\r\n",
        _by_verb(verbs, b"$4\r\nHDEL\r\n", *[b"$4\r\nHSET\r\n"] * 2, *[eval_script] * 2),
        name,
        _by_verb(verbs, b"", b"", b"", b"$1\r\n0\r\n" + expire, b"$1\r\n1\r\n" + expire),
    )
    end = _joined(
        _by_verb(verbs, b"", *[b"*3\r\n$6\r\nEXPIRE\r\n"] * 2, b"", b""),
        pc.if_else(is_set, name, NOTHING),
        _by_verb(verbs, b"", expire, expire + command("EXEC"), b"", b""),
    )
    return begin, end


def _between(begin: pa.Array, end: pa.Array, items: pa.Array, starts: Int64s) -> memoryview:
    """The bytes of all items, those of a command between its beginning and its end."""
    first = np.full(len(items), len(starts))
    first[starts] = np.arange(len(starts))
    last = np.full(len(items), len(starts))
    last[np.append(starts[1:], len(items)) - 1] = np.arange(len(starts))
    nothing = pa.array([b""], BINARY)
    rows = _joined(
        pa.concat_arrays([begin, nothing]).take(pa.array(first)),
        items,
        pa.concat_arrays([end, nothing]).take(pa.array(last)),
    )
    _, offsets, data = rows.buffers()
    bounds = np.frombuffer(offsets, np.int32)[[rows.offset, rows.offset + len(rows)]]
    return memoryview(data)[bounds[0] : bounds[1]]


def _by_verb(verbs: Int64s, *texts: bytes) -> pa.Array:
    return pa.array(texts, BINARY).take(pa.array(verbs))


def _word(texts: pa.Array) -> pa.Array:
    """Texts as words of a command: with their length before them."""
    lengths = pc.binary_length(texts).cast(pa.string()).cast(BINARY)
    return _joined(b"$", lengths, b"\r\n", texts, b"\r\n")


def _joined(*parts: bytes | pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(
        *(pa.scalar(part, BINARY) if isinstance(part, bytes) else part for part in parts), NOTHING
    )
