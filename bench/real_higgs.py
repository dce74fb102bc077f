"""Twitter around the announcement of the Higgs boson (1 to 7 July 2012) as interactions.

Each line of the file is `actor target unix_seconds RT|MT|RE`, sorted by time. A retweet is a share; a mention or a
reply is a comment. What was acted on is not in the file: a post stands for the target's activity within one hour.
"""

import gzip
from pathlib import Path
from typing import Final

import polars as pl

KINDS: Final = {"RT": "share", "MT": "comment", "RE": "comment"}
HOUR_S: Final = 3_600
HOURS: Final = 1 << 10
"""More than the hours of the file, so that author and hour make one post id."""


def interactions(file: Path) -> pl.DataFrame:
    """The events of the file, in its order, with the columns of an interaction."""
    with gzip.open(file) as text:
        events = pl.read_csv(
            text.read(), separator=" ", has_header=False, new_columns=["user_id", "author_id", "at_s", "kind"]
        )
    hour = pl.col("at_s") // HOUR_S - pl.col("at_s").min() // HOUR_S
    return events.select(
        pl.col("kind").replace_strict(KINDS).alias("type"),
        "user_id",
        (pl.col("author_id") * HOURS + hour).alias("post_id"),
        "author_id",
        pl.lit(None, pl.Int32).alias("position"),
        pl.lit(None, pl.Int32).alias("dwell_ms"),
        pl.lit("timeline").alias("surface"),
        (pl.col("at_s") * 1000).alias("at_ms"),
    )
