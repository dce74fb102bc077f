"""The two logs as a test sees them: open, write, expire."""

from pathlib import Path
from typing import Protocol

from confluent_kafka import TopicPartition

from schemas import file_log
from sinks.file_log import FileLogWriter
from sinks.kafka import KafkaWriter
from sinks.log import LogWriter
from sources.file_log import FileLog
from sources.kafka import KafkaLog
from sources.log import Log, PartitionReader
from tests.services.broker import Broker

ROWS_A_SEGMENT = 10


class Place(Protocol):
    """A log that is empty at the start of the test."""

    def log(self) -> Log: ...

    def writer(self) -> LogWriter: ...

    def expire(self, topic: str, partition: int, below: int) -> None:
        """What retention does: everything below an offset is gone."""


class FilePlace:
    def __init__(self, root: Path) -> None:
        self.root = root

    def log(self) -> Log:
        return FileLog(self.root, "p.")

    def writer(self) -> LogWriter:
        return FileLogWriter(self.root, "p.", segment_rows=ROWS_A_SEGMENT)

    def expire(self, topic: str, partition: int, below: int) -> None:
        folder = file_log.partition_folder(self.root / f"p.{topic}", partition)
        for base in file_log.segment_bases(folder):
            if base < below:
                file_log.segment_file(folder, base).unlink()


class KafkaPlace:
    def __init__(self, broker: Broker, prefix: str) -> None:
        self.broker = broker
        self.prefix = prefix

    def log(self) -> Log:
        return KafkaLog(self.broker.bootstrap, {}, "test", self.prefix)

    def writer(self) -> LogWriter:
        return KafkaWriter(self.broker.bootstrap, {}, self.prefix, history=True)

    def expire(self, topic: str, partition: int, below: int) -> None:
        place = TopicPartition(self.prefix + topic, partition, below)
        self.broker.admin.delete_records([place])[place].result(10.0)


class Messages:
    """What was read of a partition, message by message."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.keys: list[bytes | None] = []
        self.offsets: list[int] = []
        self.append_ms: list[int] = []

    def read(self, reader: PartitionReader, limit: int = 1000) -> bool:
        """Read once; whether anything came."""
        batch = reader.read(limit)
        if batch is None:
            return False
        assert 0 < len(batch) <= limit
        assert len(batch) == len(batch.offsets) == len(batch.append_ms)
        self.values += batch.values
        self.keys += [batch.key(index) for index in range(len(batch))]
        self.offsets += batch.offsets.tolist()
        self.append_ms += batch.append_ms.tolist()
        return True

    def read_to_end(self, reader: PartitionReader, limit: int = 1000) -> "Messages":
        """Read until the reader says that it is done."""
        while not reader.done:
            self.read(reader, limit)
        return self

    def read_until(self, reader: PartitionReader, count: int) -> "Messages":
        """Read until so many have come."""
        while len(self.values) < count:
            self.read(reader)
        return self


def everything(log: Log, topic: str, partition: int = 0, offset: int | None = None) -> Messages:
    """All messages of a partition from an offset up to the end as it is now."""
    reader = log.open(topic, partition, offset, log.ends(topic)[partition])
    try:
        return Messages().read_to_end(reader)
    finally:
        reader.close()
