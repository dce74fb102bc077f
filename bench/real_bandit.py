"""The Open Bandit Dataset (small) as interactions: what a shop showed on three places of a page, and the clicks.

Six files, one for each campaign and policy, of 10,000 impressions each. An item of a campaign is a post, and items of
one category have one author. A visitor has no id in the data: those with the same features are one user.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

FOLDER: Final = "obp/dataset/obd"
CAMPAIGNS: Final = ("all", "men", "women")
POLICIES: Final = ("random", "bts")
VISITOR: Final = [f"user_feature_{number}" for number in range(4)]


def interactions(place: Path) -> pl.DataFrame:
    """All impressions and clicks in order of time, with the columns of an interaction.

    `place` is the wheel of `obp`, or a folder with what is below its `obp/dataset/obd`.
    """
    seen = pl.concat(list(_files(place))).sort("at_ms", maintain_order=True)
    shown = seen.with_columns(pl.lit("impression").alias("type"))
    clicked = seen.filter(pl.col("click") == 1).with_columns(pl.lit("click").alias("type"))
    return pl.concat([shown, clicked]).sort("at_ms", maintain_order=True).drop("click")


def _files(place: Path) -> Iterator[pl.DataFrame]:
    for number, campaign in enumerate(CAMPAIGNS):
        for policy in POLICIES:
            rows = _read(place, f"{policy}/{campaign}/{campaign}.csv")
            items = _read(place, f"{policy}/{campaign}/item_context.csv")
            authors = dict(zip(items["item_id"], map(_id, items["item_feature_1"]), strict=True))
            yield rows.select(
                pl.concat_str(VISITOR).map_elements(_id, return_dtype=pl.Int64).alias("user_id"),
                (number * 1000 + pl.col("item_id")).alias("post_id"),
                pl.col("item_id").replace_strict(authors).alias("author_id"),
                pl.col("position").cast(pl.Int32),
                pl.lit(None, pl.Int32).alias("dwell_ms"),
                pl.lit(campaign).alias("surface"),
                pl.col("timestamp")
                .str.to_datetime(time_unit="ms", time_zone="UTC")
                .dt.epoch("ms")
                .alias("at_ms"),
                "click",
            )


def _read(place: Path, name: str) -> pl.DataFrame:
    if place.is_dir():
        return pl.read_csv(place / name)
    with zipfile.ZipFile(place) as wheel:
        return pl.read_csv(io.BytesIO(wheel.read(f"{FOLDER}/{name}")))


def _id(text: str) -> int:
    """63 bits of a hash."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
