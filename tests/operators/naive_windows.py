"""What feature vectors are, in plain Python over a list of events: slow and obvious."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from schemas.constants import DWELL_EDGES_MS
from schemas.expression import Constant, Counter, Expression, Negate, Number, Op, Quantile, Smooth
from schemas.registry import Feature, Registry
from schemas.windows import WINDOWS
from tests.operators.naive_session import current, end_of

IDLE_MS = 90 * 86_400_000
PLAIN = {"clicks": "click", "likes": "like", "comments": "comment", "shares": "share", "saves": "save"}
PLAIN |= {"hides": "hide", "reports": "report", "impressions": "impression"}

Event = dict[str, Any]


def as_of(events: Sequence[Event], windows: Sequence[str], clock: int) -> int:
    """The last event, or the last instant up to `clock` at which a pane left a window or the session ended."""
    instants = [event["at_ms"] for event in events]
    end = end_of(events)
    if "session" in windows and end is not None and end <= clock:
        instants.append(end)
    for name in windows:
        length, pane = WINDOWS[name]
        if length is not None and pane is not None:
            for event in events:
                instant = event["at_ms"] // pane * pane + pane + length
                if instant <= clock:
                    instants.append(instant)
    return int(max(instants))


def inside(events: Sequence[Event], window: str, t: int) -> list[Event]:
    """The events in a window as of `t`."""
    length, pane = WINDOWS[window]
    if window == "session":
        return current(events, t)
    if length is None or pane is None:
        return latest_life(events)
    start = (t - length) // pane * pane
    return [event for event in events if start <= event["at_ms"] <= t]


def latest_life(events: Sequence[Event]) -> list[Event]:
    """The events after the last silence of more than 90 days."""
    life: list[Event] = []
    for event in sorted(events, key=lambda event: event["at_ms"]):
        if life and event["at_ms"] - life[-1]["at_ms"] > IDLE_MS:
            life = []
        life.append(event)
    return life


def counter(name: str, events: Sequence[Event], curve: Sequence[int]) -> float:
    """A counter over events."""
    if name == "engagements":
        return sum(
            counter(part, events, curve) for part in ("clicks", "likes", "comments", "shares", "saves")
        )
    if name == "examined":
        return float(
            sum(examined(event["position"], curve) for event in events if event["type"] == "impression")
        )
    if name == "events":
        return len(events)
    if name == "posts":
        return len({event["post_id"] for event in events})
    if name == "length_ms":
        return float(events[-1]["at_ms"] - events[0]["at_ms"]) if events else 0
    if name == "dwell_count":
        return len(dwells(events))
    if name == "dwell_sum_ms":
        return sum(dwells(events))
    return float(sum(event["type"] == PLAIN[name] for event in events))


def examined(position: int | None, curve: Sequence[int]) -> int:
    """Thousandths examined."""
    return 1000 if position is None or position < 1 else curve[min(position, len(curve)) - 1]


def dwells(events: Sequence[Event]) -> list[int]:
    """Reported dwell times, capped."""
    found = [event["dwell_ms"] for event in events if event["type"] == "dwell"]
    return [min(dwell, 1_800_000) for dwell in found if dwell is not None and dwell >= 0]


def quantile(q: float, events: Sequence[Event]) -> float:
    """Linear interpolation in the bucket where the share q is reached."""
    found = dwells(events)
    rank, below = q * len(found), 0
    for low, high in pairwise(DWELL_EDGES_MS):
        count = sum(low <= dwell < high or dwell == high == DWELL_EDGES_MS[-1] for dwell in found)
        if count and below + count >= rank:
            return low + (high - low) * (rank - below) / count
        below += count
    return math.nan


def value(
    node: Expression, window: str, events: Sequence[Event], t: int, registry: Registry, curve: Sequence[int]
) -> float:
    """A formula."""

    def of(part: Expression) -> float:
        return value(part, window, events, t, registry, curve)

    match node:
        case Number(number):
            return number
        case Constant(name):
            return registry.constants[name]
        case Counter(name, other):
            return counter(name, inside(events, other or window, t), curve)
        case Negate(operand):
            return -of(operand)
        case Smooth(n, d, p0):
            a = registry.constants["a"]
            return divide(of(n) + a * of(p0), of(d) + a)
        case Quantile(q):
            return quantile(q, inside(events, window, t))
        case Op("+", left, right):
            return of(left) + of(right)
        case Op("-", left, right):
            return of(left) - of(right)
        case Op("*", left, right):
            return of(left) * of(right)
        case Op("/", left, right):
            return divide(of(left), of(right))
    raise AssertionError(node)


def divide(left: float, right: float) -> float:
    """Division by zero is missing."""
    return left / right if right else math.nan


def vector(
    entity: str, events: Sequence[Event], clock: int, registry: Registry, curve: Sequence[int]
) -> tuple[int, list[float]]:
    """As-of time and values of one key, given all its accepted events."""
    t = as_of(events, registry.windows(entity), clock)
    features: Sequence[Feature] = registry.entity(entity)
    return t, [value(feature.expression, feature.window, events, t, registry, curve) for feature in features]
