"""Erasing a user: the record that asks for it, and a look at what is left."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from redis.client import Redis

from schemas.errors import HeadraceError
from schemas.keys import affixes, key
from schemas.partitioner import key_bytes, partition_of
from schemas.settings import Settings
from serving.redis_client import reading
from sinks.open_writer import open_writer
from state.chunks import SUFFIX
from state.files import explained

TOPIC: Final = "users"

OWN: Final = ("features_user", "affinity", "affinity_type", "hidden", "muted")
"""Kinds of keys that are a user's own; one more is `seen`, a key a day."""

COLUMNS: Final = ("key", "other", "user_id", "author_id")
"""Columns of saved tables that may hold the id of a person."""

NOT_PEOPLE: Final = frozenset({"erased", "tiles_post", "keys_post", "tiles_region", "keys_region"})
"""Tables whose keys are posts; and that of erasures, which has to know whom they concern."""

POSTS: Final = frozenset({("hidden", "pairs", "other")})
"""Step, table and column that hold posts beside a user."""

_SCAN = 10_000


@dataclass(frozen=True, slots=True)
class Left:
    """Something of a user that is still there: a `key` in Redis or a file of the state store, and what is in it."""

    where: str
    what: str


def ask(settings: Settings, user: int) -> None:
    """Append the record that has a flow forget a user; durable on return. Raises `HeadraceError`."""
    writer = open_writer(settings)
    try:
        writer.create([TOPIC], settings.partitions)
        partition = int(partition_of(np.array([user], np.int64), settings.partitions)[0])
        writer.write(TOPIC, partition, [None], key_bytes([user]))
        writer.flush()
    finally:
        writer.close()


def left(settings: Settings, user: int) -> list[Left]:
    """Everything in Redis and in the state store that belongs to a user or names them. Raises `HeadraceError`."""
    with reading(settings) as client:
        found = [
            *_own_keys(client, settings.redis_prefix, user),
            *_named(client, settings.redis_prefix, user),
        ]
    return found + list(_chunks(Path(settings.state), user))


def _own_keys(client: Any, prefix: str, user: int) -> Iterator[Left]:
    names = [key(kind, prefix, user=user) for kind in OWN]
    names.append(key("features_author", prefix, author=user))
    names += _scanned(client, key("seen", prefix, user=user, day=""), "")
    for name in names:
        if client.exists(name):
            yield Left(name, "is the user's own")


def _named(client: Any, prefix: str, user: int) -> Iterator[Left]:
    """Keys of other users that name the user as an author."""
    member = str(user)
    asked = (("affinity", "has a field for them", Redis.hexists), ("muted", "has them", Redis.sismember))
    for kind, what, is_in in asked:
        before, after = affixes(kind, prefix)
        own = key(kind, prefix, user=user)
        names = _scanned(client, before, after)
        for start in range(0, len(names), _SCAN):
            some = names[start : start + _SCAN]
            pipeline = client.pipeline(transaction=False)
            for name in some:
                is_in(pipeline, name, member)
            there = zip(some, pipeline.execute(), strict=True)
            yield from (Left(name, what) for name, is_there in there if is_there and name != own)


def _chunks(state: Path, user: int) -> Iterator[Left]:
    """Files with rows of the user, whether a manifest names them or not."""
    for path in sorted(state.glob(f"*/*/*/*{SUFFIX}")):
        step, table = path.parts[-3], path.name.rpartition("-")[0]
        if table in NOT_PEOPLE:
            continue
        try:
            with explained(path):
                data = path.read_bytes()
        except HeadraceError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                continue  # merged meanwhile
            raise
        rows = pa.ipc.open_file(pa.BufferReader(data)).read_all()
        columns = [
            name
            for name in COLUMNS
            if name in rows.column_names and rows.schema.field(name).type == pa.int64()
        ]
        count = sum(
            pc.sum(pc.equal(rows.column(name), user)).as_py() or 0
            for name in columns
            if (step, table, name) not in POSTS
        )
        if count:
            yield Left(str(path), f"has {count} rows of them")


def _scanned(client: Any, before: str, after: str) -> list[str]:
    """All keys that begin and end so, in order."""
    literal = "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in before)
    return sorted({name.decode() for name in client.scan_iter(f"{literal}*{after}", count=_SCAN)})
