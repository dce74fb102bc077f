"""The batch answer: impressions and clicks of posts in windows of an hour, from the file of the same events."""

import polars as pl

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

Answer = dict[str, tuple[int, int]]


def events(path: str) -> pl.LazyFrame:
    """Impressions and clicks of the file, with their minute."""
    return (
        pl.scan_parquet(path)
        .filter(pl.col("type").cast(pl.String).is_in(["impression", "click"]))
        .select(
            pl.col("post_id").alias("post"),
            (pl.col("at_ms") // MINUTE_MS).alias("minute"),
            pl.col("at_ms"),
            (pl.col("type").cast(pl.String) == "click").alias("clicked"),
        )
    )


def last_hour(path: str, start_ms: int) -> Answer:
    """What each post has from `start_ms` on; posts without anything are left out."""
    return _answer(events(path).filter(pl.col("at_ms") >= start_ms), "ctr:" + pl.col("post").cast(pl.String))


def all_hours(path: str) -> Answer:
    """Every window that has an event in it, by post and end."""
    in_windows = (
        events(path)
        .with_columns(end=pl.int_ranges(pl.col("minute") + 1, pl.col("minute") + 61))
        .explode("end")
    )
    key = pl.format("ctr:{}:{}", pl.col("post"), pl.col("end") * MINUTE_MS)
    return _answer(in_windows, key)


def last_ms(path: str) -> int:
    """The latest event time."""
    latest: int = pl.scan_parquet(path).select(pl.col("at_ms").max()).collect().item()
    return latest


def _answer(counted: pl.LazyFrame, key: pl.Expr) -> Answer:
    clicked = pl.col("clicked")
    frame = (
        counted.group_by(key.alias("key"))
        .agg((~clicked).sum().alias("impressions"), clicked.sum().alias("clicks"))
        .collect()
    )
    return {key: (impressions, clicks) for key, impressions, clicks in frame.iter_rows()}
