"""What users have seen, hidden and muted: what a log leads to, and what Redis has."""

from pathlib import Path

import redis as redis_client

from schemas.constants import SEEN_DAYS
from tests.flows.harness import Place
from tests.flows.oracle import judged
from tests.operators import naive_hidden, naive_seen

Sets = dict[str, set[int]]


def wanted(folder: Path, place: Place) -> Sets:
    """Bits of each filter, numbered as `GETBIT` does, and members of each set, by key."""
    truth = judged(folder, place.settings)
    oldest = truth.clock // naive_seen.DAY_MS - SEEN_DAYS
    found = {
        f"seen:{{{user}}}:{day}": {7, *(bit + 16 for bit in bits)}
        for (user, day), bits in naive_seen.seen(truth.events).items()
        if day >= oldest
    }
    for kind in ("hidden", "muted"):
        found |= {
            f"{kind}:{{{user}}}": items for user, items in naive_hidden.sets(kind, truth.events).items()
        }
    return found


def in_redis(client: redis_client.Redis) -> Sets:
    """The same as Redis has it."""
    found: Sets = {}
    for kind in ("seen", "hidden", "muted"):
        for name in client.scan_iter(f"{kind}:*", count=10_000):
            if kind == "seen":
                value = client.get(name)
                assert isinstance(value, bytes)
                found[name.decode()] = naive_seen.bits_in(value)
            else:
                found[name.decode()] = {int(item) for item in client.smembers(name)}
            assert client.ttl(name) > 0
    return found
