"""Where the time of the flow `windows` goes: each stage alone, over the same records, in one process."""

import gc
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.traffic import Traffic
from operators.acceptance import Acceptance
from operators.base import Logic, Saved
from operators.items import Items, ItemsLogic
from operators.kernels import kernels
from operators.lifetime import FAR
from operators.partial import ItemPartials
from operators.seen import Seen
from operators.users import Users, UsersLogic
from operators.window_table import WindowTable
from schemas.codec import Codec
from schemas.effects import VectorSet
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
FRAMES_AN_URGENT_DRAIN = 4
FRAMES_A_DRAIN = 40


class Budget:
    """CPU-seconds of this thread by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what the block takes."""
        began = time.thread_time()
        yield
        self.seconds[name] += time.thread_time() - began


@dataclass
class Logics:
    """The operators of the flow, all in one shard."""

    partials: ItemPartials
    items: ItemsLogic
    users: UsersLogic
    seen: Logic

    @classmethod
    def of(cls, settings: Settings, registry: Registry) -> "Logics":
        """Empty ones."""
        curve, empty = settings.position_curve, Saved()
        ttl_ms = {entity: seconds * 1000 for entity, seconds in settings.ttl.seconds().items()}
        return cls(
            ItemPartials(registry, curve, 1),
            Items(registry, curve, ttl_ms).build(empty),
            Users(registry, curve, ttl_ms).build(empty),
            Seen().build(empty),
        )

    def take(self, frame: Frame, budget: Budget) -> None:
        """Count a frame."""
        with budget.stage("partial sums of posts and authors"):
            partials = self.partials([frame])
        with budget.stage("count posts and authors, expiry"):
            for partial in partials:
                self.items.on_rows(partial)
            self.items.on_time(frame.watermark, -FAR)
        with budget.stage("count users and sessions, expiry"):
            self.users.on_rows(frame)
            self.users.on_time(frame.watermark, -FAR)
        with budget.stage("seen, hidden, muted"):
            self.seen.on_rows(frame)
            self.seen.on_time(frame.watermark, -FAR)

    def drain(self, urgent: bool, budget: Budget) -> list[Any]:
        """What is due for writing, each key once."""
        with budget.stage("roll up posts and authors"):
            effects = [one for one in self.items.drain(urgent) if isinstance(one, VectorSet)]
        with budget.stage("roll up users"):
            effects += self.users.drain(urgent)
        with budget.stage("seen, hidden, muted"):
            effects += self.seen.drain(urgent)
        return coalesce(effects)


def walk(kafka: Kafka, redis: Redis, traffic: Traffic, budget: Budget) -> tuple[int, int, Logics]:
    """Take every record through every stage; returns records, keys written, and the state."""
    settings = Settings(partitions=traffic.partitions, time="history")
    registry, codec = Registry.of(settings), Codec("Interaction")
    logics = Logics.of(settings, registry)
    encoder = Encoder("", registry.version, settings.ttl.seconds())
    connection = Connection(parse(redis.url), 60.0)
    log = KafkaLog(kafka.bootstrap, {}, "stages")
    readers = {
        partition: (log.open("interactions", partition, 0, end), _judge(settings, partition))
        for partition, end in enumerate(log.ends("interactions"))
    }
    records = written = frames = 0
    while not all(reader.done for reader, _ in readers.values()):
        for partition, (reader, judge) in readers.items():
            with budget.stage("consume"):
                batch = _full(reader)
            if batch is None:
                continue
            with budget.stage("decode and check"):
                rows = codec.decode([value or b"" for value in batch.values]).rows
            raw = Frame("interactions", partition, rows, batch.offsets, batch.append_ms, 0)
            with budget.stage("judge (watermark, late, repeats)"):
                frame = judge.on_rows(raw)[0].frame
            logics.take(frame, budget)
            records, frames = records + len(raw), frames + 1
            if frames % FRAMES_AN_URGENT_DRAIN == 0:
                effects = logics.drain(frames % FRAMES_A_DRAIN != 0, budget)
                written += sum(len(effect) for effect in effects)
                with budget.stage("encode, send, read replies"):
                    for request in encoder.requests(effects):
                        connection.send(request)
                        connection.receive(request)
            if frames % FRAMES_A_DRAIN == 0:
                with budget.stage("snapshot (tables, not the disk)"):
                    for logic in (logics.items, logics.users, logics.seen):
                        logic.snapshot()
    connection.close()
    return records, written, logics


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
    """Print microseconds of CPU by record and stage, and bytes by key."""
    gc.disable()  # as the flow does
    traffic, budget = Traffic(events=2_000_000), Budget()
    form = kernels().form
    with Kafka() as kafka, Redis() as redis:
        traffic.write_to(kafka.bootstrap)
        records, written, logics = walk(kafka, redis, traffic, budget)
    print(
        f"\nbudget by stage: {records / 1e6:.1f} M records, one thread, inner loops by {form}, "
        f"{written / records:.3f} keys written a record"
    )
    for stage, seconds in budget.seconds.items():
        print(f"  {stage:34} {seconds / records * 1e6:6.3f} us a record")
    print(f"  {'sum':34} {sum(budget.seconds.values()) / records * 1e6:6.3f} us a record")
    tables = {name: vectors.table for name, vectors in logics.items.vectors.items()}
    for entity, table in {**tables, "user": logics.users.vectors.table}.items():
        size = state_bytes(table)
        print(f"  windows of {entity}: {table.index.size:,} keys, {size / table.index.size:,.0f} bytes a key")


if __name__ == "__main__":
    main()
