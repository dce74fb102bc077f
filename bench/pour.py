"""Writes interactions into a Kafka topic at a steady rate, each at its own time, in a process of its own."""

import sys
import time

import numpy as np
import pyarrow as pa

from bench.traffic import Traffic
from schemas.codec import Codec
from schemas.partitioner import partition_of
from sinks.kafka import KafkaWriter

TURN_S = 0.05


def main() -> None:
    """Servers, partitions, records a second, seconds, the share of one viral post; posts, users, authors."""
    servers, partitions, rate, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    viral, posts, users, authors = float(sys.argv[5]), *map(int, sys.argv[6:])
    codec, writer = Codec("Interaction"), KafkaWriter(servers, {})
    size = int(rate * TURN_S)
    traffic = Traffic(
        events=int(rate * seconds),
        posts=posts,
        users=users,
        authors=authors,
        partitions=partitions,
        viral=viral,
        repeats=0.0,
    )
    began = time.monotonic()
    for turn, (rows, _) in enumerate(traffic.slices(size)):
        pause = began + turn * TURN_S - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        place = rows.schema.get_field_index("at_ms")
        now_ms = np.full(rows.num_rows, int(time.time() * 1000))
        rows = rows.set_column(place, rows.schema.field(place), pa.array(now_ms))
        placed = partition_of(rows.column("user_id").to_numpy(), partitions)
        for partition in range(partitions):
            here = np.flatnonzero(placed == partition)
            writer.write("interactions", partition, codec.encode(rows.take(pa.array(here))))
    writer.flush()
    writer.close()
    print(f"{traffic.events / (time.monotonic() - began):.0f}")


if __name__ == "__main__":
    main()
