"""polars, a batch job over a file of the same events: what the task costs at least."""

import sys

import polars as pl
import redis

from bench.peers.answer import MINUTE_MS, events
from bench.peers.stopwatch import timed

_PIPELINE = 10_000


def hours(path: str) -> pl.DataFrame:
    """The last hour of each post at each minute that changes it: `post`, `minute`, `impressions`, `clicks`."""
    tiles = (
        events(path)
        .group_by("post", "minute")
        .agg((~pl.col("clicked")).sum().alias("impressions"), pl.col("clicked").sum().alias("clicks"))
        .with_columns(pl.col("impressions", "clicks").cast(pl.Int64))
    )
    leaving = tiles.with_columns(pl.col("minute") + 60, -pl.col("impressions", "clicks"))
    return (
        pl.concat([tiles, leaving])
        .group_by("post", "minute")
        .agg(pl.col("impressions", "clicks").sum())
        .sort("post", "minute")
        .with_columns(pl.col("impressions", "clicks").cum_sum().over("post"))
        .collect()
    )


def write(url: str, windows: pl.DataFrame) -> None:
    """Set a key for each row."""
    client = redis.Redis.from_url(url)
    for part in windows.iter_slices(_PIPELINE):
        pipeline = client.pipeline(transaction=False)
        for post, impressions, clicks in part.select("post", "impressions", "clicks").iter_rows():
            ctr = clicks / impressions if impressions else 0.0
            pipeline.set(f"ctr:{post}", f"{impressions} {clicks} {ctr:.6f}")
        pipeline.execute()
    client.close()


def main() -> None:
    """Run it over a file."""
    path, url = sys.argv[1:]

    def run() -> int:
        records, last_ms = pl.scan_parquet(path).select(pl.len(), pl.col("at_ms").max()).collect().row(0)
        every = hours(path).filter(pl.col("minute") <= last_ms // MINUTE_MS)
        write(url, every.group_by("post", maintain_order=True).last())
        return int(records)

    timed(run)


if __name__ == "__main__":
    main()
