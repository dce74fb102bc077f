"""Writes a simulated network into a log, and counts what it wrote."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from flows.codecs import writing
from schemas.codec import Codec
from schemas.errors import HeadraceError
from schemas.frame import Int64s
from schemas.kafka_cluster import KafkaCluster
from schemas.settings import Settings
from schemas.topics import TOPICS
from sinks.log import LogWriter
from sinks.open_writer import open_writer
from sources.log import Log
from sources.open_log import open_log
from sources.simulate import Batch, Simulation, Traffic, Truth
from sources.simulate.events import CLEAN
from sources.simulate.simulation import TOPICS as WRITTEN
from sources.simulate.streams import stream

Watch = Callable[[int, int], None]
"""Is told the records so far and about how many there will be."""

TRUTH_FILE: Final = "simulated.json"
CUT: Final = 4
"""Bytes that a damaged message lacks."""
HELD: Final = 2_000_000
"""Records after which the writer is flushed, so that it never holds more."""


def _unwatched(done: int, of: int) -> None:
    """Nobody looks."""


def simulate(
    traffic: Traffic,
    log: Log,
    writer: LogWriter,
    batch: int = 1,
    watch: Watch = _unwatched,
    codecs: Mapping[str, Codec] | None = None,
) -> Truth:
    """Write a simulation; interactions go `batch` to a message, and `watch` is told after each slice.

    `codecs` write the topics (None: in single-object encoding).
    Raises HeadraceError when a topic has messages already, or the log refuses ours.
    """
    writer.create(WRITTEN, traffic.partitions)
    for topic in WRITTEN:
        if any(log.ends(topic)):
            raise HeadraceError(
                f"topic {topic!r} has messages already; simulate into a new log or another prefix"
            )
    simulation = Simulation(traffic)
    pen = _Pen(writer, traffic, batch, codecs or {topic: Codec(TOPICS[topic].record) for topic in WRITTEN})
    for number, part in enumerate(simulation.batches()):
        pen.write(part, number)
        watch(pen.records, max(simulation.expected_records, pen.records))
    writer.flush()
    pen.truth.finish(simulation)
    return pen.truth


def simulate_into(settings: Settings, traffic: Traffic, batch: int = 1, watch: Watch = _unwatched) -> Truth:
    """Simulate into the log of the settings; the truth is also written beside a file log."""
    codecs = {topic: writing(settings, topic) for topic in WRITTEN}
    log, writer = open_log(settings), open_writer(settings, history=True)
    try:
        writer.create(WRITTEN, traffic.partitions)
        _refuse_other_times(settings)
        truth = simulate(traffic, log, writer, batch, watch, codecs)
    finally:
        writer.close()
        log.close()
    if settings.log.startswith("file:"):
        file = Path(settings.log.removeprefix("file:")) / f"{settings.topic_prefix}{TRUTH_FILE}"
        try:
            file.write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=2) + b"\n")
        except OSError as error:
            raise HeadraceError(f"{file} can't be written: {error.strerror}") from None
    return truth


def _refuse_other_times(settings: Settings) -> None:
    """Raise HeadraceError if the broker would put its own clock in place of the simulated append times."""
    if not settings.log.startswith("kafka://"):
        return
    cluster = KafkaCluster(settings.log.removeprefix("kafka://"), settings.kafka_config())
    for topic in WRITTEN:
        name = settings.topic_prefix + topic
        if cluster.topic_settings(name).get("message.timestamp.type") == "LogAppendTime":
            raise HeadraceError(
                f"topic {name!r} keeps LogAppendTime, which would make every simulated record late: simulate into "
                "topics that are not there yet (another topic_prefix), or set message.timestamp.type=CreateTime"
            )


class _Pen:
    """Encodes batches, damages some messages, and hands them to the writer partition by partition."""

    def __init__(self, writer: LogWriter, traffic: Traffic, batch: int, codecs: Mapping[str, Codec]) -> None:
        self._writer, self._traffic, self._size = writer, traffic, batch
        self._codecs = codecs
        self.truth = Truth.of(traffic)
        self.records = 0
        self._flushed = 0

    def write(self, batch: Batch, number: int) -> None:
        """Write one batch; `number` is its place in the simulation."""
        if self.records - self._flushed > HELD:
            self._writer.flush()
            self._flushed = self.records
        self.records += len(batch.rows)
        if batch.topic == "interactions" and self._size > 1:
            values, starts, keys = self._in_batches(batch)
        else:
            values, starts = self._codecs[batch.topic].encode(batch.rows), np.arange(len(batch.rows))
            keys = _keys(batch)
        damaged = self._damage(batch, number, values, starts)
        lengths = np.diff(starts, append=len(batch.rows))
        lost = np.repeat(damaged, lengths)
        self.truth.count(batch, len(values), int(np.count_nonzero(damaged)), lost)
        append_ms = batch.append_ms[starts + lengths - 1]
        edges = np.searchsorted(starts, batch.bounds).tolist()
        for partition, (first, last) in enumerate(pairwise(edges)):
            if first < last:
                self._writer.write(
                    batch.topic,
                    partition,
                    values[first:last],
                    keys[first:last] if keys else None,
                    append_ms[first:last],
                )

    def _in_batches(self, batch: Batch) -> tuple[list[bytes], Int64s, None]:
        """Messages of up to `size` records each, none across partitions, and where each begins."""
        codec = self._codecs[batch.topic]
        values: list[bytes] = []
        starts = []
        for first, last in pairwise(batch.bounds.tolist()):
            if first < last:
                values += codec.encode_batches(batch.rows.slice(first, last - first), self._size)
                starts.append(np.arange(first, last, self._size))
        return values, np.concatenate(starts), None

    def _damage(
        self, batch: Batch, number: int, values: list[bytes], starts: Int64s
    ) -> npt.NDArray[np.bool_]:
        """Cut the end off some messages all of whose records are clean, and say which."""
        share = self._traffic.dirt.damaged if batch.topic == "interactions" else 0.0
        clean = np.bitwise_or.reduceat(batch.dirt != CLEAN, starts) == 0
        drawn = stream(self._traffic.seed, "damage", number).random(len(values))
        damaged: npt.NDArray[np.bool_] = clean & (drawn < share)
        for index in np.flatnonzero(damaged).tolist():
            values[index] = values[index][:-CUT]
        return damaged


def _keys(batch: Batch) -> Sequence[bytes]:
    """The keys of single records: the ids that the topic is keyed by, 8 bytes each, big-endian."""
    ids = [batch.rows.column(name).to_numpy() for name in TOPICS[batch.topic].key]
    joined = np.column_stack(ids).astype(">i8").tobytes()
    width = 8 * len(ids)
    return [joined[start : start + width] for start in range(0, len(joined), width)]
