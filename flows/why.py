"""Why an input partition is where it is, in one word and one sentence."""

from datetime import UTC, datetime
from typing import Final, Literal

from flows.observe import Observer
from flows.whereabouts import Where

Why = Literal["reading", "behind", "idle", "no_data", "not_read", "redis", "registry", "log"]
"""`reading`: up to date. `behind`: there are records to read. `redis`: there are, and Redis does not take more.
`registry`: there are, and the schema registry does not answer. `idle`: nothing came for a while. `no_data`: nothing
ever came. `not_read`: it was not asked yet. `log`: the log does not say where it ends."""

RECENT_SECONDS: Final = 10.0
BLOCKED: Final = 0.5
"""The share of the time that Redis made the flow wait, above which it is the reason for being behind."""


def why(where: Where, end: int | None, observer: Observer, blocked: float, now: float) -> tuple[Why, str]:
    """The reason for a partition, whose log ends at `end`, None if unknown; `now` is in seconds since 1970."""
    if not where.polled:
        return "not_read", "not read yet"
    if end is None:
        return "log", "the log does not say where it ends"
    behind = end - where.offset
    if behind > 0:
        return _behind(behind, observer, blocked)
    if where.read_at is not None and now - where.read_at < RECENT_SECONDS:
        return "reading", "up to date"
    if end == 0:
        return "no_data", "no data has come yet"
    if where.read_at is None:
        return "idle", "up to date, no data since the start"
    since = datetime.fromtimestamp(where.read_at, UTC)
    return "idle", f"up to date, idle since {since:%Y-%m-%d %H:%M:%S} UTC"


def _behind(behind: int, observer: Observer, blocked: float) -> tuple[Why, str]:
    redis = observer.redis
    so_far = f"behind by {behind:,} record{'' if behind == 1 else 's'}"
    if observer.registry is not None and observer.registry.waits:
        return "registry", f"{so_far}: the schema registry does not answer"
    if redis is not None and (blocked > BLOCKED or redis.silent_seconds > 1.0):
        held = redis.pending.bytes / (1 << 20)
        silent = f", silent for {redis.silent_seconds:.0f} s" if redis.silent_seconds > 1.0 else ""
        return "redis", f"{so_far}: Redis is slow, {held:.1f} MiB wait for it{silent}"
    return "behind", so_far
