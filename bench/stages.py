"""Where the time of the flow `windows` goes: each stage alone, over the same records, in one process."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.traffic import Traffic
from operators.acceptance import Acceptance
from operators.base import Saved
from operators.lifetime import FAR
from operators.window_table import WindowTable
from operators.windows import Windows
from schemas.codec import Codec
from schemas.frame import Frame, RawBatch
from schemas.registry import Registry
from schemas.settings import Settings
from sinks.coalesce import coalesce
from sinks.redis_connection import Connection
from sinks.redis_url import parse
from sinks.resp import Encoder
from sources.kafka import KafkaLog
from tests.services.kafka import Kafka
from tests.services.redis import Redis

FRAME_ROWS = 50_000
FRAMES_A_DRAIN = 4
FRAMES_A_SNAPSHOT = 40


class Budget:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block."""
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began


def walk(
    kafka: Kafka, redis: Redis, traffic: Traffic, budget: Budget
) -> tuple[int, int, dict[str, WindowTable]]:
    """Take every record through every stage; returns records, vectors written, and the state."""
    settings = Settings(partitions=traffic.partitions, time="history")
    registry, codec = Registry.of(settings), Codec("Interaction")
    windows = Windows(registry, settings.position_curve, {})
    logic = windows.build(Saved())
    encoder = Encoder("", registry.version, settings.ttl.seconds())
    connection = Connection(parse(redis.url), 60.0)
    log = KafkaLog(kafka.bootstrap, {}, "stages")
    readers = {
        partition: (log.open("interactions", partition, 0, end), _judge(settings, partition))
        for partition, end in enumerate(log.ends("interactions"))
    }
    records = vectors = frames = 0
    effects: list[Any] = []
    while not all(reader.done for reader, _ in readers.values()):
        for partition, (reader, judge) in readers.items():
            with budget.stage("consume, waiting included"):
                batch = _full(reader)
            if batch is None:
                continue
            with budget.stage("decode and check"):
                rows = codec.decode([value or b"" for value in batch.values]).rows
            raw = Frame("interactions", partition, rows, batch.offsets, batch.append_ms, 0)
            with budget.stage("judge (watermark, late, repeats)"):
                frame = judge.on_rows(raw)[0].frame
            with budget.stage("count (three entities, expiry)"):
                logic.on_rows(frame)
                logic.on_time(frame.watermark, -FAR)
            records, frames = records + len(raw), frames + 1
            if frames % FRAMES_A_DRAIN == 0:
                with budget.stage("roll up to vectors"):
                    effects = coalesce(logic.drain(urgent_only=True))
                vectors += sum(len(effect) for effect in effects)
                with budget.stage("encode, send, replies"):
                    for request in encoder.requests(effects):
                        connection.send(request)
                        connection.receive(request)
            if frames % FRAMES_A_SNAPSHOT == 0:
                with budget.stage("snapshot (tables, not the disk)"):
                    logic.snapshot()
    connection.close()
    return records, vectors, logic.tables


def _judge(settings: Settings, partition: int) -> Any:
    return Acceptance(
        partition, settings.partitions, "user_id", "event_id", False, 60_000, 3_600_000, 600_000
    ).build(Saved())


def _full(reader: Any) -> RawBatch | None:
    """A whole frame, or what is left."""
    for _ in range(200):
        batch: RawBatch | None = reader.read(FRAME_ROWS)
        if batch is not None or reader.done:
            return batch
        time.sleep(0.002)
    return None


def state_bytes(table: WindowTable) -> int:
    """Bytes of the arrays and runs of a window table."""
    arrays: list[Any] = [
        table.index.keys,
        table.last_exit,
        table.due,
        table.touched,
        table.lives.first,
        table.lives.last,
    ]
    for ledger in (table.counts, table.dwell):
        arrays += [ledger.total, *ledger.gone]
        arrays += [array for run in (*ledger.fresh, *ledger.runs) for array in (run.cells, run.amounts)]
    return sum(array.nbytes for array in arrays)


def main() -> None:
    """Print microseconds by record and stage, and bytes by key."""
    traffic, budget = Traffic(events=2_000_000), Budget()
    with Kafka() as kafka, Redis() as redis:
        traffic.write_to(kafka.bootstrap)
        records, vectors, tables = walk(kafka, redis, traffic, budget)
    print(
        f"\nbudget by stage: {records / 1e6:.1f} M records, one thread, {vectors / records:.3f} writes a record"
    )
    for stage, seconds in budget.seconds.items():
        print(f"  {stage:34} {seconds / records * 1e6:6.3f} us a record")
    print(f"  {'sum':34} {sum(budget.seconds.values()) / records * 1e6:6.3f} us a record")
    for entity, table in tables.items():
        size = state_bytes(table)
        print(f"  state of {entity}: {table.index.size:,} keys, {size / table.index.size:,.0f} bytes a key")


if __name__ == "__main__":
    main()
