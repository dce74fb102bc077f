"""Every metric: name, labels and meaning. What records them is checked against these names by the type checker."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A Prometheus metric. The unit stands at the end of the name: `_seconds`, `_bytes`, else a number of things."""

    name: str
    labels: tuple[str, ...]
    doc: str


@dataclass(frozen=True, slots=True, eq=False)
class Counter(Metric):
    """Only grows; starts at 0 when the process starts."""


@dataclass(frozen=True, slots=True, eq=False)
class Gauge(Metric):
    """Is set to its present value."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram(Metric):
    """Counts values by upper bounds, in the unit of the name; there is always a last bucket without bound."""

    bounds: tuple[float, ...]


_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

RECORDS_IN: Final = Counter(
    "headrace_records_in_total",
    ("flow", "topic"),
    "records read from the log, dead letters and repeats included",
)
RECORDS_OUT: Final = Counter(
    "headrace_records_out_total",
    ("flow", "sink"),
    "records and Redis commands that a sink has been told are written",
)
DEAD_LETTERS: Final = Counter(
    "headrace_dead_letters_total",
    ("flow", "topic", "reason"),
    "records set aside, by the word for the reason",
)
REPEATS: Final = Counter(
    "headrace_repeats_total",
    ("flow", "topic"),
    "records whose event_id had been accepted before; they count once",
)
WATERMARK: Final = Gauge(
    "headrace_watermark_seconds",
    ("flow", "topic", "partition"),
    "watermark, in seconds of event time since 1970",
)
WATERMARK_LAG: Final = Gauge(
    "headrace_watermark_lag_seconds", ("flow", "topic", "partition"), "the machine's clock less the watermark"
)
SLOWEST_PARTITION: Final = Gauge(
    "headrace_slowest_partition", ("flow", "topic"), "number of the partition with the oldest watermark"
)
BEHIND: Final = Gauge(
    "headrace_behind_records",
    ("flow", "topic", "partition"),
    "records in the log that are not read yet; without a value while the log does not answer",
)
FRESHNESS: Final = Histogram(
    "headrace_freshness_seconds",
    ("flow", "entity"),
    "age of the latest event of a vector when Redis has confirmed that vector",
    _SECONDS,
)
STATE_ROWS: Final = Gauge(
    "headrace_state_rows", ("flow", "step"), "rows in the chunks of a step's state; one key may be in several"
)
STATE_BYTES: Final = Gauge("headrace_state_bytes", ("flow", "step"), "bytes of the chunks of a step's state")
SNAPSHOT_TIME: Final = Histogram(
    "headrace_snapshot_seconds",
    ("flow", "step"),
    "time that a step stood still to save what changed",
    _SECONDS,
)
SNAPSHOT_BYTES: Final = Counter(
    "headrace_snapshot_bytes_total", ("flow", "step"), "bytes that snapshots have written"
)
REDIS_COMMANDS: Final = Counter(
    "headrace_redis_commands_total", ("flow",), "commands that Redis has answered"
)
REDIS_ROUND_TRIPS: Final = Counter(
    "headrace_redis_round_trips_total", ("flow",), "pipelines sent to Redis and answered"
)
REDIS_RETRIES: Final = Counter(
    "headrace_redis_retries_total", ("flow",), "pipelines sent again after the connection to Redis broke"
)
REDIS_REPLACED: Final = Counter(
    "headrace_redis_replaced_total",
    ("flow",),
    "times that another Redis answered than before: a restart or failover",
)
REDIS_HELD: Final = Gauge(
    "headrace_redis_held_bytes", ("flow",), "memory of what waits to be acknowledged by Redis"
)
REDIS_BLOCKED: Final = Counter(
    "headrace_redis_blocked_seconds_total",
    ("flow",),
    "time in which nothing was read because Redis had not taken what was there",
)
UNACKNOWLEDGED: Final = Gauge(
    "headrace_unacknowledged_seconds",
    ("flow",),
    "how long the oldest effect of an event has waited for Redis to acknowledge it; 0 if none waits",
)
STARTED: Final = Gauge("headrace_started_seconds", ("flow",), "when the flow started, in seconds since 1970")
RESUMED: Final = Gauge(
    "headrace_resumed", ("flow", "step"), "1 if the step went on from a snapshot, 0 if it began anew"
)

METRICS: Final[tuple[Metric, ...]] = (
    RECORDS_IN,
    RECORDS_OUT,
    DEAD_LETTERS,
    REPEATS,
    WATERMARK,
    WATERMARK_LAG,
    SLOWEST_PARTITION,
    BEHIND,
    FRESHNESS,
    STATE_ROWS,
    STATE_BYTES,
    SNAPSHOT_TIME,
    SNAPSHOT_BYTES,
    REDIS_COMMANDS,
    REDIS_ROUND_TRIPS,
    REDIS_RETRIES,
    REDIS_REPLACED,
    REDIS_HELD,
    REDIS_BLOCKED,
    UNACKNOWLEDGED,
    STARTED,
    RESUMED,
)
"""All of them, in the order in which they are documented."""
