"""The bare consumer: `consume(1000)` and `value()` in a loop, one consumer a partition, the collector off."""

import gc
import json
import sys
import time

from confluent_kafka import Consumer, TopicPartition

from bench.measure import cpu_seconds


def main() -> None:
    """Read a topic to its end; prints messages, seconds and CPU-seconds from the first batch on."""
    servers, topic, partitions, total = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    gc.disable()
    consumers = []
    for partition in range(partitions):
        consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": "bare", "queued.min.messages": 200_000}
        )
        consumer.assign([TopicPartition(topic, partition, 0)])
        consumers.append(consumer)
    seen = size = 0
    began = cpu = 0.0
    while seen < total:
        for consumer in consumers:
            messages = consumer.consume(1000, 0.01)
            if messages and not seen:
                began, cpu = time.perf_counter(), cpu_seconds()
            size += sum(
                len(value) for value in [message.value() for message in messages] if value is not None
            )
            seen += len(messages)
    print(
        json.dumps(
            {
                "records": seen,
                "seconds": time.perf_counter() - began,
                "cpu": cpu_seconds() - cpu,
                "bytes": size,
            }
        )
    )


if __name__ == "__main__":
    main()
