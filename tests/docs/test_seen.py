"""The worked example of the seen filter in the contract is what Redis holds, bit by bit."""

import re
from pathlib import Path

from redis import Redis as Client

from operators.base import Saved
from operators.seen import Seen
from schemas.settings import load
from sinks.redis import RedisSink
from tests.operators.events import event, frame
from tests.operators.naive_seen import bits_of, murmur3

PAGE = (Path(__file__).parents[2] / "docs/contract.md").read_text()


def test_the_example_of_the_contract(redis_url: str) -> None:
    hashed = re.search(r"post (\d+) +h1 = (\d+) +h2 = (\d+)\n", PAGE)
    assert hashed is not None
    post, *halves = map(int, hashed.groups())
    assert list(murmur3(post.to_bytes(8, "little"))) == halves
    told = re.search(r"bits +([\d, ]+?) +GETBIT (\S+) ([\d, ]+)\n", PAGE)
    assert told is not None
    bits, read = ([int(word) for word in told[group].split(", ")] for group in (1, 3))
    assert bits == bits_of(post)
    logic = Seen().build(Saved())
    logic.on_rows(frame([event(user_id=7, post_id=post, at_ms=post // 1000)]))
    sink = RedisSink.from_settings(load(overrides={"redis": redis_url}), 1)
    sink.write(logic.drain(urgent_only=True))
    sink.flush()
    sink.close()
    with Client.from_url(redis_url) as client:
        assert [bit for bit in range(16, 16 + 4096) if client.getbit(told[2], bit)] == sorted(read)
