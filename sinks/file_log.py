"""Writing the file log: records are gathered by partition and published as whole segments."""

import fcntl
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import file_log, segment
from schemas.errors import HeadraceError
from schemas.frame import Int64s

SEGMENT_ROWS: Final = 65_536
SEGMENT_BYTES: Final = 8 << 20

SHARED: Final = frozenset({"dead_letters", "progress", "pulse"})
"""Topics that several processes write, and where their order among each other means nothing."""

ATTEMPTS: Final = 500
PAUSE_S: Final = 0.01


@dataclass(slots=True)
class _Partition:
    """One partition's folder, its end, and the records that wait for a segment."""

    folder: Path
    end: int
    shared: bool
    values: list[pa.Array] = field(default_factory=list)
    keys: list[pa.Array] = field(default_factory=list)
    append_ms: list[Int64s] = field(default_factory=list)
    rows: int = 0
    size: int = 0


class FileLogWriter:
    """Writes into the topics of the folder `root` whose folder names begin with `prefix`.

    A segment is published when `segment_rows` records or `segment_bytes` of values have gathered, and at
    `flush`. A partition has one writer at a time: of two, one stops with an
    error and nothing of the other is overwritten. In the topics `SHARED` it goes behind the other instead.
    """

    def __init__(
        self,
        root: Path,
        prefix: str = "",
        segment_rows: int = SEGMENT_ROWS,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._root = root
        self._prefix = prefix
        self._segment_rows = segment_rows
        self._segment_bytes = segment_bytes
        self._topics: dict[str, int] = {}
        self._partitions: dict[tuple[str, int], _Partition] = {}
        self._unsynced: set[Path] = set()

    def create(self, topics: Iterable[str], partitions: int) -> list[str]:
        """Make the topics that don't exist yet and return their names.

        Raises HeadraceError when one exists with another number of partitions.
        """
        return [topic for topic in topics if self._create(topic, partitions)]

    def write(
        self,
        topic: str,
        partition: int,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None = None,
        append_ms: Int64s | None = None,
    ) -> None:
        """Hand over records; `append_ms` None means now. They are readable and durable after `flush`.

        Raises HeadraceError when the topic or partition is missing, or the folder can't be written.
        """
        if not values:
            return
        if append_ms is None:
            append_ms = np.full(len(values), time.time_ns() // 1_000_000, dtype=np.int64)
        into = self._partition(topic, partition)
        column = pa.array(values, pa.large_binary())
        key_column = (
            pa.nulls(len(values), pa.large_binary()) if keys is None else pa.array(keys, pa.large_binary())
        )
        sizes = np.cumsum(pc.fill_null(pc.binary_length(column), 0).to_numpy())
        start = 0
        while start < len(values):
            before = int(sizes[start - 1]) if start else 0
            fits = int(np.searchsorted(sizes, before + self._segment_bytes - into.size, side="right"))
            stop = min(max(fits, start + 1), start + self._segment_rows - into.rows, len(values))
            into.values.append(column[start:stop])
            into.keys.append(key_column[start:stop])
            into.append_ms.append(append_ms[start:stop])
            into.rows += stop - start
            into.size += int(sizes[stop - 1]) - before
            if into.rows >= self._segment_rows or into.size >= self._segment_bytes or stop < len(values):
                self._publish(into)
            start = stop

    def flush(self) -> None:
        """Publish what has gathered; on return everything written is on disk.

        Raises HeadraceError when another writer was faster or the folder can't be written.
        """
        for partition in self._partitions.values():
            if partition.rows:
                self._publish(partition)
        for folder in self._unsynced:
            _sync_folder(folder)
        self._unsynced.clear()

    def hurry(self, seconds: float) -> None:
        """Files don't keep anybody waiting."""

    def close(self) -> None:
        """Drop what was not flushed."""
        self._partitions.clear()

    def _create(self, topic: str, partitions: int) -> bool:
        folder = self._root / f"{self._prefix}{topic}"
        info = file_log.topic_info(folder)
        if info is None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                made = _link_new(folder / "topic.json", msgspec.json.encode(file_log.TopicInfo(partitions)))
                _sync_folder(folder)
                _sync_folder(self._root)
            except OSError as error:
                raise _unwritable(folder, error) from error
            if made:
                return True
            info = file_log.topic_info(folder)
        if info is not None and info.partitions != partitions:
            raise HeadraceError(
                f"topic {topic!r} has {info.partitions} partitions and {partitions} are wanted; set "
                f"`partitions` to {info.partitions}, or make the topic anew"
            )
        return False

    def _partition(self, topic: str, number: int) -> _Partition:
        known = self._partitions.get((topic, number))
        if known is not None:
            return known
        topic_folder = self._root / f"{self._prefix}{topic}"
        if topic not in self._topics:
            info = file_log.topic_info(topic_folder)
            if info is None:
                raise HeadraceError(
                    f"topic {topic!r} is not in the file log {self._root}; make it with "
                    "`headrace topics --create`"
                )
            self._topics[topic] = info.partitions
        if not 0 <= number < self._topics[topic]:
            raise HeadraceError(f"topic {topic!r} has {self._topics[topic]} partitions, not {number + 1}")
        folder = file_log.partition_folder(topic_folder, number)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error
        self._unsynced.add(topic_folder)
        end = file_log.end_offset(folder, file_log.segment_bases(folder))
        self._partitions[topic, number] = made = _Partition(folder, end, topic in SHARED)
        return made

    def _publish(self, partition: _Partition) -> None:
        """Write one segment of what has gathered under its final name, whole or not at all."""
        for _ in range(ATTEMPTS if partition.shared else 1):
            if self._published(partition):
                self._unsynced.add(partition.folder)
                partition.end += partition.rows
                partition.values, partition.keys, partition.append_ms = [], [], []
                partition.rows = partition.size = 0
                return
            if partition.shared:
                time.sleep(PAUSE_S)
                partition.end = file_log.end_offset(
                    partition.folder, file_log.segment_bases(partition.folder)
                )
        file = file_log.segment_file(partition.folder, partition.end)
        raise HeadraceError(
            f"segment {file} was written by another writer meanwhile; let only one process write to a partition"
        )

    def _published(self, partition: _Partition) -> bool:
        """Whether the segment is there now, and not one of another writer."""
        data = segment.encode(
            partition.end,
            np.concatenate(partition.append_ms),
            pa.chunked_array(partition.keys),
            pa.chunked_array(partition.values),
        )
        try:
            return _link_new(file_log.segment_file(partition.folder, partition.end), data)
        except OSError as error:
            raise _unwritable(partition.folder, error) from error


def _link_new(file: Path, data: bytes) -> bool:
    """Write a file that nobody sees half written; False if another writer has or is making it.

    The file grows under a temporary name that depends on the final one only, so that what a killed writer
    left behind is overwritten by the next.
    """
    draft = file.with_name(f"{file.name}.tmp")
    with draft.open("ab") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not draft.exists() or not os.path.samestat(os.fstat(out.fileno()), draft.stat()):
            return False  # its writer published and removed it before we had the lock
        out.truncate(0)
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
        try:
            os.link(draft, file)
        except (FileExistsError, FileNotFoundError):
            return False
        finally:
            draft.unlink(missing_ok=True)
    return True


def _sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(folder: Path, error: OSError) -> HeadraceError:
    return HeadraceError(
        f"{folder} cannot be written ({error.strerror}); make room or correct its permissions"
    )
