"""Reading the file log: a folder per topic, a folder per partition, Avro files of consecutive records."""

from bisect import bisect_right
from pathlib import Path

import polars as pl

from schemas import file_log, segment
from schemas.errors import HeadraceError
from schemas.frame import RawBatch
from sources.log import lost_offset


class FileLog:
    """The topics in the folder `root` whose folder names begin with `prefix`."""

    def __init__(self, root: Path, prefix: str = "") -> None:
        self._root = root
        self._prefix = prefix

    def partitions(self, topic: str) -> int:
        """The number of partitions.

        Raises HeadraceError when there is no such topic.
        """
        info = file_log.topic_info(self._folder(topic))
        if info is None:
            raise HeadraceError(
                f"topic {topic!r} is not in the file log {self._root}; write it first, or make empty topics "
                "with `headrace topics --create`"
            )
        return info.partitions

    def starts(self, topic: str) -> list[int]:
        """First offset still kept, by partition."""
        return [bases[0] if bases else 0 for _, bases in self._segments(topic)]

    def ends(self, topic: str) -> list[int]:
        """The offset that the next record would get, by partition."""
        return [file_log.end_offset(folder, bases) for folder, bases in self._segments(topic)]

    def open(
        self, topic: str, partition: int, offset: int | None = None, until: int | None = None
    ) -> "FilePartitionReader":
        """A reader from `offset` (None: the oldest record kept) up to `until` (not included; None: follow
        for ever).

        Raises HeadraceError when the log does not hold `offset`, or has no such topic or partition.
        """
        if not 0 <= partition < self.partitions(topic):
            raise HeadraceError(
                f"topic {topic!r} has {self.partitions(topic)} partitions, not {partition + 1}"
            )
        folder = file_log.partition_folder(self._folder(topic), partition)
        bases = file_log.segment_bases(folder)
        start = bases[0] if bases else 0
        end = file_log.end_offset(folder, bases)
        first = start if offset is None else offset
        if not start <= first <= end:
            raise HeadraceError(lost_offset(topic, partition, first, start, end))
        return FilePartitionReader(topic, partition, folder, first, until)

    def close(self) -> None:
        """Nothing is held open between reads."""

    def _folder(self, topic: str) -> Path:
        return self._root / f"{self._prefix}{topic}"

    def _segments(self, topic: str) -> list[tuple[Path, list[int]]]:
        partitions = self.partitions(topic)
        folders = [file_log.partition_folder(self._folder(topic), number) for number in range(partitions)]
        return [(folder, file_log.segment_bases(folder)) for folder in folders]


class FilePartitionReader:
    """Reads one partition of a file log; it holds one decoded segment, and none once it has caught up."""

    def __init__(self, topic: str, partition: int, folder: Path, offset: int, until: int | None) -> None:
        self._topic = topic
        self._partition = partition
        self._folder = folder
        self._offset = offset
        self._until = until
        self._rows: pl.DataFrame | None = None
        self._base = offset
        self._listed_ns = 0

    @property
    def offset(self) -> int:
        """The next offset to read."""
        return self._offset

    @property
    def done(self) -> bool:
        """Whether everything below `until` has been read."""
        return self._until is not None and self._offset >= self._until

    def read(self, limit: int) -> RawBatch | None:
        """At most `limit` records of one segment, None when there is nothing now. It never waits.

        Raises HeadraceError when a segment is damaged, naming the file, or is gone.
        """
        if self.done:
            return None
        rows = self._rows if self._rows is not None else self._next_segment()
        if rows is None:
            return None
        wanted = limit if self._until is None else min(limit, self._until - self._offset)
        part = rows.slice(self._offset - self._base, wanted)
        self._offset += part.height
        self._rows = rows if self._offset < self._base + rows.height else None
        keys = part["key"]
        return RawBatch(
            topic=self._topic,
            partition=self._partition,
            offsets=part["offset"].to_numpy(),
            append_ms=part["append_ms"].to_numpy(),
            values=part["value"].to_list(),
            key=keys.__getitem__,
        )

    def commit(self, offset: int) -> None:
        """A file log has no consumer groups."""

    def close(self) -> None:
        """Let go of the segment in memory."""
        self._rows = None

    def _next_segment(self) -> pl.DataFrame | None:
        """The segment that holds the next offset; None while it is not written yet."""
        base = self._offset
        if not file_log.segment_file(self._folder, base).exists():
            found = self._search()
            if found is None:
                return None
            base = found
        file = file_log.segment_file(self._folder, base)
        try:
            rows = segment.decode(file.read_bytes(), base)
        except (OSError, segment.SegmentError) as error:
            raise file_log.damaged(file, error) from error
        self._base, self._rows = base, rows
        return rows

    def _search(self) -> int | None:
        """The base of the segment around the next offset; the folder is listed only after it has changed."""
        try:
            changed_ns = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        if changed_ns == self._listed_ns:
            return None
        bases = file_log.segment_bases(self._folder)
        at = bisect_right(bases, self._offset)
        if at and file_log.end_offset(self._folder, bases[:at]) > self._offset:
            return bases[at - 1]
        if at < len(bases):
            raise HeadraceError(lost_offset(self._topic, self._partition, self._offset, bases[at], bases[-1]))
        self._listed_ns = changed_ns
        return None
