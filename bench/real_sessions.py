"""The session that each user is in, of a whole history at once. Written from docs/contract.md."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from bench.real_acceptance import Int64s

NOTHING = ("unlike", "unhide", "unmute")
ENGAGEMENTS = ("click", "like", "comment", "share", "save")
MINUTE_MS = 60_000
APART = 30
LONGEST = 1_440
FAR = 1 << 61


@dataclass(frozen=True)
class Sessions:
    """The last session of each user, an entry a user: when it ends in ms, far in the past without any; counters."""

    end_ms: Int64s
    counters: dict[str, Int64s]

    def of(self, name: str, as_of_ms: Int64s) -> Int64s:
        """A counter as of a time by user: nothing once the session has come to its end."""
        return np.where(as_of_ms < self.end_ms, self.counters[name], 0)


def sessions(events: pl.DataFrame, users: Int64s) -> Sessions:
    """The sessions of `users`, given all accepted interactions."""
    kind = pl.col("type").cast(pl.String)
    minute = pl.col("at_ms") // MINUTE_MS
    begins = (minute - minute.shift(1)).over("user_id") > APART
    found = (
        events.filter(~kind.is_in(NOTHING))
        .sort("user_id", "at_ms")
        .with_columns(minute=minute, begins=begins.fill_null(value=True))
        .with_columns(begin=pl.when("begins").then("minute").forward_fill())
        .filter(
            pl.col("begin") == pl.col("begin").last().over("user_id"),
            pl.col("minute") > pl.col("minute").last().over("user_id") - LONGEST,
        )
        .group_by("user_id")
        .agg(
            end_ms=pl.col("at_ms").max() + APART * MINUTE_MS,
            events=pl.len().cast(pl.Int64),
            impressions=(kind == "impression").sum().cast(pl.Int64),
            engagements=kind.is_in(ENGAGEMENTS).sum().cast(pl.Int64),
            posts=pl.col("post_id").n_unique().cast(pl.Int64),
            length_ms=pl.col("at_ms").max() - pl.col("at_ms").min(),
        )
    )
    every = pl.DataFrame({"user_id": users}).join(found, on="user_id", how="left", maintain_order="left")
    names = ("events", "impressions", "engagements", "posts", "length_ms")
    counters = {name: every[name].fill_null(0).to_numpy() for name in names}
    return Sessions(every["end_ms"].fill_null(-FAR).to_numpy(), counters)
