"""bytewax with tiles of a minute written by hand, record by record.

All posts of a shard are under one key, so that minutes also close for posts that nothing happens to.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.run import cli_main

from bench.peers.events import HOUR, LATENESS, MINUTE, Events, RedisSink, Window
from bench.peers.stopwatch import timed

SHARDS = 8
MINUTE_MS = int(MINUTE.total_seconds() * 1000)
MINUTES = HOUR // MINUTE
LATENESS_MS = int(LATENESS.total_seconds() * 1000)

Event = tuple[str, int, bool]


class Tiles(StatefulBatchLogic[Event, Window, Any]):
    """The posts of a shard: a tile for each minute, and the sums of the last hour."""

    def __init__(self) -> None:
        self.tiles: dict[int, dict[str, list[int]]] = {}
        self.hours: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self.closed: int | None = None
        self.watermark = 0

    def on_batch(self, values: list[Event]) -> tuple[Iterable[Window], bool]:
        """Count events into their tiles; close the minutes that the watermark has passed."""
        for post, at_ms, clicked in values:
            if at_ms < self.watermark:
                continue
            tile = self.tiles.setdefault(at_ms // MINUTE_MS, {})
            tile.setdefault(post, [0, 0])[clicked] += 1
            self.watermark = max(self.watermark, at_ms - LATENESS_MS)
        return self.close(self.watermark // MINUTE_MS), False

    def on_eof(self) -> tuple[Iterable[Window], bool]:
        """Close what is open."""
        return self.close(max(self.tiles, default=0) + 1), True

    def close(self, before: int) -> list[Window]:
        """Close minutes up to `before`: the posts whose hour changed."""
        results = []
        first = min(self.tiles, default=before) if self.closed is None else self.closed
        for minute in range(first, before):
            entered = self.tiles.get(minute, {})
            left = self.tiles.pop(minute - MINUTES, {})
            for post, (impressions, clicks) in entered.items():
                self.hours[post][0] += impressions
                self.hours[post][1] += clicks
            for post, (impressions, clicks) in left.items():
                self.hours[post][0] -= impressions
                self.hours[post][1] -= clicks
            for post in entered.keys() | left.keys():
                impressions, clicks = self.hours[post]
                results.append((f"ctr:{post}", impressions, clicks))
                if not impressions and not clicks:
                    del self.hours[post]
        if before > first:
            self.closed = before
        return results

    def snapshot(self) -> Any:
        """All of it."""
        return self.tiles, dict(self.hours), self.closed, self.watermark


def main() -> None:
    """Run it over a topic to its end."""
    servers, topic, url = sys.argv[1:]
    events = Events()
    flow = Dataflow("tiles")
    kafka = kop.input("interactions", flow, brokers=[servers], topics=[topic], tail=False)
    decoded = op.filter_map("decode", kafka.oks, events.impressions_and_clicks)
    sharded = op.map("shard", decoded, lambda event: (str(int(event[0]) % SHARDS), (event[0], *event[1])))
    windows = op.stateful_batch("tiles", sharded, lambda state: Tiles())
    results = op.map("result", windows, lambda window: window[1])
    op.output("redis", results, RedisSink(url))

    def run() -> int:
        cli_main(flow)
        return events.read

    timed(run)


if __name__ == "__main__":
    main()
