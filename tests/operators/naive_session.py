"""What a session is, in plain Python over a list of events: slow and obvious."""

from collections.abc import Sequence
from typing import Any

MINUTE = 60_000
HALF_HOUR = 30 * MINUTE

Event = dict[str, Any]

NOTHING = ("unlike", "unhide", "unmute")


def session_events(events: Sequence[Event]) -> list[Event]:
    """The events that sessions are made of, in order of time."""
    return sorted(
        (event for event in events if event["type"] not in NOTHING), key=lambda event: int(event["at_ms"])
    )


def end_of(events: Sequence[Event]) -> int | None:
    """When the session that the last event belongs to comes to its end; None without any."""
    found = session_events(events)
    return found[-1]["at_ms"] + HALF_HOUR if found else None


def current(events: Sequence[Event], t: int) -> list[Event]:
    """The events of the session that is not over as of `t`, in order of time, going back minute by minute."""
    found = session_events(events)
    if not found or t >= found[-1]["at_ms"] + HALF_HOUR:
        return []
    newest = found[-1]["at_ms"] // MINUTE
    filled = {event["at_ms"] // MINUTE for event in found}
    minute, empty, inside = newest, 0, set()
    while empty < 30 and minute > newest - 24 * 60:
        if minute in filled:
            inside.add(minute)
            empty = 0
        else:
            empty += 1
        minute -= 1
    return [event for event in found if event["at_ms"] // MINUTE in inside]
