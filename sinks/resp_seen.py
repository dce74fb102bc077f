"""Seen filters, and the sets of what users have hidden and muted, as Redis commands."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from schemas.constants import SEEN_DAYS
from schemas.effects import MemberSet, SeenErase, SeenSet
from schemas.keys import affixes, key
from sinks.resp_parts import Digits, Request, command, side_by_side

LAYOUT: Final = (1).to_bytes(2, "little")
"""Stands before the bits; another number would mean another hash."""

FILTERS: Final = 512
"""Most filters in a request: a quarter of a megabyte."""

USERS: Final = 256
"""Most users whose sets are in one request."""


def seen(effect: SeenSet, prefix: str) -> Iterator[Request]:
    """`SET key filter EX ttl` for each user."""
    before, after = affixes("seen", prefix, day=effect.day)
    size = len(LAYOUT) + effect.bits.shape[1]
    ttl = str(SEEN_DAYS * 86_400).encode()
    ids = Digits(effect.user_ids)
    for characters in np.unique(ids.lengths).tolist():
        rows = np.flatnonzero(ids.lengths == characters)
        length = len(before.encode()) + characters + len(after)
        beginning = b"*5\r\n$3\r\nSET\r\n$%d\r\n%b" % (length, before.encode())
        middle = b"%b\r\n$%d\r\n%b" % (after.encode(), size, LAYOUT)
        end = b"\r\n$2\r\nEX\r\n$%d\r\n%b\r\n" % (len(ttl), ttl)
        for start in range(0, len(rows), FILTERS):
            some = rows[start : start + FILTERS]
            data = side_by_side(beginning, ids.of(some, characters), middle, effect.bits[some], end)
            yield Request(data, len(some), plain=True)


def unsee(effect: SeenErase, prefix: str) -> list[bytes]:
    """`DEL` of every day of each user."""
    columns = (effect.user_ids.tolist(), effect.first_days.tolist(), effect.last_days.tolist())
    names = [
        [key("seen", prefix, user=user, day=day) for day in range(first, last + 1)]
        for user, first, last in zip(*columns, strict=True)
    ]
    return [command("DEL", *days) for days in names if days]


def members(effect: MemberSet, prefix: str, ttl_s: int) -> Iterator[Request]:
    """The whole set of each user at once: a reader sees the old one or the new one."""
    before, after = affixes(effect.kind, prefix)
    starts = effect.ends - np.diff(effect.ends, prepend=0)
    texts = list(map(str, effect.members.tolist()))
    commands: list[bytes] = []
    users = zip(effect.user_ids.tolist(), starts.tolist(), effect.ends.tolist(), strict=True)
    for number, (user, start, end) in enumerate(users, start=1):
        name = f"{before}{user}{after}"
        if start == end:
            commands.append(command("DEL", name))
        else:
            commands += [command("MULTI"), command("DEL", name), command("SADD", name, *texts[start:end])]
            commands += [command("EXPIRE", name, ttl_s), command("EXEC")]
        if number % USERS == 0 or number == len(effect):
            yield Request(b"".join(commands), len(commands), plain=False)
            commands = []
