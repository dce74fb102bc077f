"""The sets of what users don't want to see, one user at a time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Event = dict[str, Any]

PUTS = {"hidden": ("hide", "report"), "muted": ("mute",)}
TAKES = {"hidden": ("unhide",), "muted": ("unmute",)}
ITEM = {"hidden": "post_id", "muted": "author_id"}


def sets(
    kind: str, events: Iterable[Event], erased: Mapping[int, int] | None = None, most: int = 1000
) -> dict[int, set[int]]:
    """What is in each user's set, of events in the order of the log; no user with an empty one."""
    last: dict[tuple[int, int], tuple[int, bool]] = {}
    for event in events:
        user, item, at_ms = event["user_id"], event[ITEM[kind]], event["at_ms"]
        gone = [user, item] if kind == "muted" else [user]
        counts = all(at_ms > (erased or {}).get(one, at_ms - 1) for one in gone)
        if counts and event["type"] in PUTS[kind] + TAKES[kind]:
            before, _ = last.get((user, item), (at_ms, False))
            if at_ms >= before:
                last[user, item] = (at_ms, event["type"] in PUTS[kind])
    inside: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (user, item), (at_ms, is_in) in last.items():
        if is_in:
            inside[user].append((-at_ms, item))
    return {user: {item for _, item in sorted(items)[:most]} for user, items in inside.items()}
