"""How it reaches the log: network delay, buffering clients, and dirt."""

from typing import Final

import numpy as np

from schemas.frame import Int64s
from sources.simulate.events import FUTURE, LATE, MISPLACED, REPEAT, REPEATED, Rows
from sources.simulate.network import Network
from sources.simulate.traffic import DAY, HOUR, MINUTE, SECOND, Traffic

BUFFERED: Final = 0.03
"""Share of the interactions that a client holds back for a while."""
LONGEST_BUFFER: Final = 5 * MINUTE
LONGEST_REPEAT: Final = 9 * MINUTE
"""A repeat comes within this time of the event: the horizon in which repeats are found is 10 minutes."""
LATE_MS: Final = (75 * MINUTE, 30 * HOUR)
FUTURE_MS: Final = (15 * MINUTE, 27 * DAY)


def network_delay(rng: np.random.Generator, count: int) -> Int64s:
    """Milliseconds from an event to its append: median 80, one in a hundred above half a second."""
    return np.exp(rng.normal(np.log(80.0), 0.8, count)).astype(np.int64) + 1


def stamp(rng: np.random.Generator, rows: Rows, low_ms: int) -> None:
    """Set `append_ms`, never before `low_ms`: what is older has been written already."""
    rows["append_ms"] = np.maximum(rows["at_ms"] + network_delay(rng, len(rows)), low_ms)


def arrive(
    rng: np.random.Generator, rows: Rows, network: Network, traffic: Traffic, low_ms: int, event_id: int
) -> Rows:
    """The interactions as they reach the log, with ids from `event_id` on, dirt applied and repeats added."""
    dirt = traffic.dirt
    rows["event_id"] = np.arange(event_id, event_id + len(rows))
    stamp(rng, rows, low_ms)
    held = np.flatnonzero(rng.random(len(rows)) < BUFFERED)
    buffered = np.minimum(rng.exponential(20 * SECOND, len(held)), LONGEST_BUFFER)
    rows["append_ms"][held] += buffered.astype(np.int64)
    whole = network.coarse_clock[rows["user"]]
    rows["at_ms"][whole] -= rows["at_ms"][whole] % SECOND
    rows["region"][rng.random(len(rows)) < dirt.missing_region] = -1

    kind = rng.random(len(rows))
    edge = np.cumsum([dirt.repeats, dirt.late, dirt.future, dirt.misplaced])
    repeated, late, future, misplaced = (
        np.flatnonzero((kind >= low) & (kind < high)) for low, high in zip((0, *edge[:-1]), edge, strict=True)
    )
    rows["append_ms"][late] = rows["at_ms"][late] + _between(rng, LATE_MS, len(late))
    rows["dirt"][late] = LATE
    rows["at_ms"][future] = rows["append_ms"][future] + _between(rng, FUTURE_MS, len(future))
    rows["dirt"][future] = FUTURE
    if traffic.partitions > 1:
        step = rng.integers(1, traffic.partitions, len(misplaced), np.int32)
        rows["partition"][misplaced] = (rows["partition"][misplaced] + step) % traffic.partitions
        rows["dirt"][misplaced] = MISPLACED
    return np.concatenate((rows, _repeats(rng, rows, repeated)))


def _repeats(rng: np.random.Generator, rows: Rows, index: Int64s) -> Rows:
    """Copies of these rows that arrive up to `LONGEST_REPEAT` after the event."""
    rows["dirt"][index] = REPEATED
    copies = rows[index]
    copies["dirt"] = REPEAT
    room = copies["at_ms"] + LONGEST_REPEAT - copies["append_ms"]
    copies["append_ms"] += np.minimum(rng.exponential(30 * SECOND, len(copies)), room).astype(np.int64)
    return copies


def _between(rng: np.random.Generator, limits: tuple[int, int], count: int) -> Int64s:
    """Durations between two limits, equally likely on a logarithmic scale."""
    low, high = (float(limit) for limit in np.log(limits))
    durations: Int64s = np.exp(rng.uniform(low, high, count)).astype(np.int64)
    return durations
