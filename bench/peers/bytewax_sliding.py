"""bytewax with its own sliding window."""

import sys
from datetime import UTC, datetime

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, SlidingWindower
from bytewax.run import cli_main

from bench.peers.events import HOUR, LATENESS, MINUTE, START, Events, RedisSink, Window
from bench.peers.stopwatch import timed

Event = tuple[int, bool]
Counts = tuple[int, int]


def at(event: Event) -> datetime:
    """The event time."""
    return datetime.fromtimestamp(event[0] / 1000, UTC)


def add(counts: Counts, event: Event) -> Counts:
    """Count one event."""
    return counts[0] + (not event[1]), counts[1] + event[1]


def merge(left: Counts, right: Counts) -> Counts:
    """Counts of two windows together."""
    return left[0] + right[0], left[1] + right[1]


def result(window: tuple[str, tuple[int, Counts]]) -> Window:
    """A closed window with its end in the key."""
    post, (number, (impressions, clicks)) = window
    end = START + number * MINUTE + HOUR
    return f"ctr:{post}:{int(end.timestamp()) * 1000}", impressions, clicks


def main() -> None:
    """Run it over a topic to its end."""
    servers, topic, url = sys.argv[1:]
    events = Events()
    flow = Dataflow("sliding")
    kafka = kop.input("interactions", flow, brokers=[servers], topics=[topic], tail=False)
    keyed = op.filter_map("decode", kafka.oks, events.impressions_and_clicks)
    # A replay: system time stands still, or how fast it is read would decide which events are late.
    clock = EventClock(at, LATENESS, now_getter=lambda: START, to_system_utc=lambda closes_at: None)
    hours = SlidingWindower(length=HOUR, offset=MINUTE, align_to=START)
    windows = win.fold_window("hour", keyed, clock, hours, lambda: (0, 0), add, merge)
    results = op.map("result", windows.down, result)
    op.output("redis", results, RedisSink(url))

    def run() -> int:
        cli_main(flow)
        return events.read

    timed(run)


if __name__ == "__main__":
    main()
