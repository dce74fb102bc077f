"""The state alone: memory by key, and how long a snapshot takes in which few of many keys have changed."""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.measure import rss_mb
from flows.kept import Kept
from flows.observe import Observer
from operators.items import Items
from operators.partial import ItemPartials
from operators.users import Users
from schemas.frame import Frame, Int64s
from schemas.records import arrow_schema
from schemas.registry import Registry
from schemas.settings import Settings
from state.durable import Durable

START_MS = 1_767_225_600_000
FILL_MS, EPOCH_MS = 2_400_000, 10_000
TOUCHED = 20_000
EPOCHS = 8
_CHUNK = 100_000
_LATENESS_MS = 3_600_000


@dataclass(frozen=True)
class Shape:
    """How many keys there are, of each kind."""

    keys: int

    @property
    def posts(self) -> int:
        """Seven in ten keys."""
        return self.keys * 7 // 10

    @property
    def authors(self) -> int:
        """One in ten."""
        return self.keys // 10

    @property
    def users(self) -> int:
        """Two in ten."""
        return self.keys // 5


class State:
    """The logics of posts, authors and users in one shard, with their chunks on disk."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(time="history", partitions=1)
        registry, curve = Registry.of(settings), settings.position_curve
        ttl_ms = {entity: seconds * 1000 for entity, seconds in settings.ttl.seconds().items()}
        observer = Observer("windows")
        self.durable = Durable()
        self.partials = ItemPartials(registry, curve, 1)
        self.items = Kept(
            Items(registry, curve, ttl_ms), folder / "items", None, "items", observer, self.durable
        )
        self.users = Kept(
            Users(registry, curve, ttl_ms), folder / "users", None, "users", observer, self.durable
        )

    @property
    def kept(self) -> Sequence[Kept]:
        """All of them."""
        return (self.items, self.users)

    def take(self, rows: pa.RecordBatch, clock: int) -> None:
        """Count interactions and let time pass."""
        none = np.zeros(rows.num_rows, np.int64)
        frame = Frame("interactions", 0, rows, none, none, clock)
        for partial in self.partials([frame]):
            self.items.logic.on_rows(partial)
        self.users.logic.on_rows(frame)
        for kept in self.kept:
            kept.logic.on_time(clock, clock - _LATENESS_MS)
            kept.logic.drain(urgent_only=False)

    def save(self) -> tuple[float, float, int]:
        """A snapshot: seconds that the flow stands still for tables and files, for the disk, and bytes written."""
        began = time.perf_counter()
        for kept in self.kept:
            kept.snapshot()
        written = time.perf_counter()
        self.durable.wait()
        return (
            written - began,
            time.perf_counter() - written,
            sum(kept.keeper.snapshot_bytes for kept in self.kept),
        )

    def close(self) -> None:
        """Stop background work."""
        for kept in self.kept:
            kept.close()
        self.durable.close()


def interactions(posts: Int64s, authors: Int64s, users: Int64s, at_ms: Int64s) -> pa.RecordBatch:
    """A click of each user on each post, in one region."""
    schema = arrow_schema("Interaction")
    one = np.zeros(len(posts), np.int8)
    columns = {
        "post_id": posts,
        "author_id": authors,
        "user_id": users,
        "at_ms": at_ms,
        "type": pa.DictionaryArray.from_arrays(pa.array(one + 1), pa.array(["impression", "click"])),
        "region": pa.DictionaryArray.from_arrays(pa.array(one), pa.array(["eu"])).cast(pa.string()),
    }
    arrays = [
        pa.array(columns[field.name]) if field.name in columns else pa.nulls(len(posts), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, names=schema.names)


def fill(state: State, shape: Shape) -> None:
    """One interaction with every post, over most of an hour."""
    for first in range(0, shape.posts, _CHUNK):
        posts = np.arange(first, min(first + _CHUNK, shape.posts))
        at_ms = START_MS + posts * FILL_MS // shape.posts
        state.take(
            interactions(posts * 7919, posts % shape.authors, posts % shape.users, at_ms), int(at_ms[-1])
        )
    state.save()


def epoch(state: State, shape: Shape, number: int) -> tuple[float, float, int]:
    """Interactions with some keys of each kind, together `TOUCHED`, and the snapshot after them."""
    rng = np.random.default_rng(number)
    third = TOUCHED // 3
    keys = (rng.choice(kind, third, replace=False) for kind in (shape.posts, shape.authors, shape.users))
    posts, authors, users = keys
    at_ms = START_MS + FILL_MS + number * EPOCH_MS + np.arange(third) * EPOCH_MS // third
    state.take(interactions(posts * 7919, authors, users, at_ms), int(at_ms[-1]))
    return state.save()


def report(keys: int) -> None:
    """Print what so many keys cost."""
    shape, before = Shape(keys), rss_mb()
    with tempfile.TemporaryDirectory() as folder:
        state = State(Path(folder))
        began = time.perf_counter()
        fill(state, shape)
        filled = time.perf_counter() - began
        size = rss_mb() - before
        stops = [epoch(state, shape, number) for number in range(EPOCHS)]
        state.close()
    tables, disk = (np.median([stop[part] for stop in stops]) * 1000 for part in (0, 1))
    print(
        f"  {keys:>10,} keys: filled in {filled:.1f} s, {size * 1e6 / keys:,.0f} bytes a key in memory; "
        f"{TOUCHED:,} keys touched an epoch: it stands still {tables + disk:.0f} ms "
        f"(tables and files {tables:.0f}, disk {disk:.0f}; "
        f"longest {max(stop[0] + stop[1] for stop in stops) * 1000:.0f}), "
        f"{np.median([stop[2] for stop in stops]) / 1e6:.2f} MB written",
        flush=True,
    )


if __name__ == "__main__":
    for word in sys.argv[1:]:
        report(int(word))
