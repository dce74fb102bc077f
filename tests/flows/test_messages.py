"""Who hears of what: rows go to one shard, erasures and time to all."""

import numpy as np

from flows.messages import Batch, rows, spread
from schemas.frame import Erasure


def test_an_erasure_is_here_where_the_rows_of_its_users_are_read() -> None:
    """Other shards know the users only through others."""
    batch = Batch(1, erasures=(Erasure(np.array([7]), np.array([100])),), watermarks={"users/1": 100})
    messages = list(rows(batch, 3))
    assert [message.shard for message in messages] == [0, 1, 2]
    assert [erasure.here for message in messages for erasure in message.erasures] == [False, True, False]
    assert all(message.watermarks == {"users/1": 100} for message in messages)


def test_items_are_spread_over_all_shards_or_none() -> None:
    batch = Batch(0, erasures=(Erasure(np.array([7]), np.array([100])),))
    assert [message.items for message in spread(lambda frames: ["a", "b"], batch, 2)] == [("a",), ("b",)]
    assert [message.items for message in spread(lambda frames: [], batch, 2)] == [(), ()]
    assert all(len(message.erasures) == 1 for message in spread(lambda frames: [], batch, 2))
