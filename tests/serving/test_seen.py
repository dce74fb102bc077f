import numpy as np
from redis import Redis as Client

from operators.base import Saved
from operators.seen import Seen
from schemas.settings import load
from serving.seen import decode, read_filters, seen
from sinks.redis import RedisSink
from tests.operators.events import event, frame
from tests.operators.naive_seen import DAY_MS


def test_what_was_shown_lately_is_found(redis_url: str) -> None:
    """Of the current day and the eight before, whatever else there is."""
    today = 20_000
    ages = [0, 3, 8, 9]
    rows = [event(user_id=7, post_id=age, at_ms=(today - age) * DAY_MS) for age in ages]
    logic = Seen().build(Saved())
    logic.on_rows(frame([*rows, event(user_id=8, post_id=4, at_ms=today * DAY_MS)]))
    sink = RedisSink.from_settings(load(overrides={"redis": redis_url, "redis_prefix": "p:"}), 1)
    sink.write(logic.drain(urgent_only=True))
    sink.flush()
    sink.close()
    with Client.from_url(redis_url) as client:
        client.set(f"p:seen:{{7}}:{today - 1}", b"\2\0" + b"\xff" * 512)
        filters = read_filters(client, 7, today, "p:")
    assert seen(filters, np.array([*ages, 4])).tolist() == [True, True, True, False, False]


def test_nobody_has_seen_anything() -> None:
    assert seen(decode([None]), np.arange(3)).tolist() == [False, False, False]
