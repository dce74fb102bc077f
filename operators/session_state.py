"""Sessions as additive tables: what changed, how parts add up, and how a table is built from them."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from operators.session import OVER_MS, SessionTable
from operators.session_find import LONGEST
from operators.session_runs import MINUTE_MS, minutes_of, posts_of, slots_of
from schemas.frame import column

TILES, POSTS, ENDS = "session_tiles", "session_posts", "session_ends"
TABLES = (TILES, POSTS, ENDS)

_TILE_COLUMNS = ("events", "impressions", "engagements", "first_ms", "last_ms")
_NEVER = -(1 << 31)


def sessions_delta(table: SessionTable) -> dict[str, pa.Table]:
    """What was added since the last call, by table.

    Tiles: `key` (the user), `minute`, `events`, `impressions`, `engagements`, `first_ms` and `last_ms` within the
    minute. Posts: `key`, `post_id`, and the latest `minute` in which the user met it.
    """
    tiles, posts = table.tile_runs.take_fresh(), table.post_runs.take_fresh()
    return {
        TILES: pa.table(
            {
                "key": table.index.keys[slots_of(tiles.keys)],
                "minute": minutes_of(tiles.keys).astype(np.int32),
                **dict(zip(_TILE_COLUMNS, tiles.values, strict=True)),
            }
        ),
        POSTS: pa.table(
            {
                "key": table.index.keys[slots_of(posts.keys)],
                "post_id": table.posts.keys[posts_of(posts.keys)],
                "minute": posts.values[0],
            }
        ),
    }


def merge_sessions(name: str, parts: Sequence[pa.Table], settled: int) -> pa.Table:
    """The sum of parts of one table, without minutes that no session can reach from `settled` (ms) on.

    Ends have by `key` the largest `end_ms`, of sessions that can't be prolonged any more.
    """
    if name == ENDS:
        ends = pl.concat([pl.DataFrame(pl.from_arrow(part)) for part in parts])
        return ends.group_by("key").agg(pl.col("end_ms").max()).to_arrow()
    oldest = max((settled - OVER_MS) // MINUTE_MS - LONGEST, _NEVER)
    rows = pl.concat([pl.DataFrame(pl.from_arrow(part)) for part in parts]).filter(pl.col("minute") >= oldest)
    if name == POSTS:
        return rows.group_by("key", "post_id").agg(pl.col("minute").max()).to_arrow()
    summed = [pl.col(column).sum() for column in _TILE_COLUMNS[:3]]
    span = (pl.col("first_ms").min(), pl.col("last_ms").max())
    return rows.group_by("key", "minute").agg(*summed, *span).to_arrow()


def restore_sessions(
    table: SessionTable, tiles: Sequence[pa.Table], posts: Sequence[pa.Table], clock: int
) -> None:
    """Fill an empty table from its saved parts, as it was when its clock stood at `clock`."""
    for part in tiles:
        values = tuple(part.column(name).to_numpy() for name in _TILE_COLUMNS)
        table.restore_tiles(column(part, "key"), column(part, "minute").astype(np.int64), values)
    for part in posts:
        table.restore_posts(column(part, "key"), column(part, "post_id"), part.column("minute").to_numpy())
    table.resume(clock)


def prune_sessions(table: SessionTable, rows: pa.Table) -> pa.Table:
    """Saved rows that may still be part of a session which is not over; may be called from another thread."""
    needed = table.known.needs(column(rows, "key"), column(rows, "minute"))
    return rows.filter(pa.array(needed))
