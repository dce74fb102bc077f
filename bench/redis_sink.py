"""The Redis sink beside the same bytes sent ready-made: `python -m bench.redis_sink`.

Every round fills an empty Redis on a unix socket with the same vectors, in effects as a flow hands them over.
"""

import socket
import statistics
import threading
import time
from collections.abc import Callable

import numpy as np

from bench.measure import cpu_seconds
from schemas.effects import VectorSet
from sinks.redis import RedisSink
from sinks.redis_url import parse
from sinks.resp import Encoder
from tests.services.redis import Redis

KEYS = 300_000
EFFECT = 10_000
FEATURES = 40
ROUNDS = 5
ENCODER = Encoder("", 1, {"post": 8 * 86_400})


def effects() -> list[VectorSet]:
    """The vectors of `KEYS` posts, `EFFECT` at a time."""
    random = np.random.default_rng(1)
    ids = random.permutation(10 * KEYS)[:KEYS].astype(np.int64)
    values = random.normal(size=(KEYS, FEATURES)).astype(np.float32)
    as_of_ms = np.full(KEYS, 1_577_836_800_000)
    expiry = random.random(KEYS) < 0.3
    return [
        VectorSet("post", ids[rows], as_of_ms[rows], values[rows], expiry[rows])
        for rows in (slice(first, first + EFFECT) for first in range(0, KEYS, EFFECT))
    ]


def send_prebuilt(path: str, data: bytes) -> None:
    """Send bytes from one thread and count the bytes of the replies in another: nothing else is done."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        left = 5 * KEYS
        while left:
            left -= len(client.recv(1 << 16))
        sender.join()


def main() -> None:
    """Run both in turn and print rates, ratio and CPU time."""
    batch = effects()
    began = time.perf_counter()
    requests = [request for effect in batch for request in ENCODER.vectors(effect)]
    encode_s = time.perf_counter() - began
    data = b"".join(request.data for request in requests)
    with Redis() as server:
        path = str(server.socket)

        def through_sink() -> None:
            sink = RedisSink(parse(server.url), ENCODER)
            for effect in batch:
                sink.write([effect])
            sink.flush()
            sink.close()

        ways: dict[str, Callable[[], None]] = {
            "ready-made": lambda: send_prebuilt(path, data),
            "sink": through_sink,
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                with server.client() as client:
                    client.flushall()
                ours, theirs, began = cpu_seconds(), cpu_seconds(server.process.pid), time.perf_counter()
                way()
                rates[name].append(KEYS / (time.perf_counter() - began))
                spent = (cpu_seconds() - ours, cpu_seconds(server.process.pid) - theirs)
                costs[name].append((spent[0] / KEYS * 1e6, spent[1] / KEYS * 1e6))
    print(f"{KEYS:,} vectors of {FEATURES} features, {len(data) / KEYS:.0f} bytes a command")
    print(f"encoding alone: {encode_s / KEYS * 1e6:.2f} us a key")
    for name in ways:
        client_us, redis_us = (statistics.median(part) for part in zip(*costs[name], strict=True))
        print(
            f"{name:>10}: best {max(rates[name]):>9,.0f} median {statistics.median(rates[name]):>9,.0f} keys/s, "
            f"CPU s/M: client {client_us:.2f}, Redis {redis_us:.2f}"
        )
    ratio = statistics.median(rates["sink"]) / statistics.median(rates["ready-made"])
    print(f"sink / ready-made, medians: {ratio:.2f}")


if __name__ == "__main__":
    main()
