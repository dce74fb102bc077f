"""What a log is to a reader: topics of numbered partitions, each a row of messages with offsets."""

from typing import Protocol

from schemas.frame import RawBatch


class PartitionReader(Protocol):
    """Reads one partition in offset order, from where it was opened."""

    @property
    def offset(self) -> int:
        """The next offset to read: what a snapshot keeps; it also passes offsets that hold no message."""

    @property
    def done(self) -> bool:
        """Whether everything below `until` has been read; never true without `until`."""

    def read(self, limit: int) -> RawBatch | None:
        """At most `limit` messages, or None when there is nothing now; it waits 50 ms at most.

        Raises HeadraceError, naming topic, partition and offset, when the partition can't be read on.
        """

    def commit(self, offset: int) -> None:
        """Tell lag tools that everything below `offset` has been handled; nothing resumes from it."""

    def close(self) -> None:
        """Let go of files and connections."""


class Log(Protocol):
    """Where topics are read from: Kafka or a folder of files. Topic names are without their prefix."""

    def partitions(self, topic: str) -> int:
        """The number of partitions.

        Raises HeadraceError when there is no such topic.
        """

    def starts(self, topic: str) -> list[int]:
        """First offset still kept, by partition."""

    def ends(self, topic: str) -> list[int]:
        """The offset that the next message would get, by partition."""

    def open(
        self, topic: str, partition: int, offset: int | None = None, until: int | None = None
    ) -> PartitionReader:
        """A reader from `offset` (None: the oldest message kept) up to `until` (not included; None: without
        end).

        Raises HeadraceError when the log does not hold `offset`: it never jumps to another one.
        """

    def close(self) -> None:
        """Let go of connections; readers are closed by whoever opened them."""


def lost_offset(topic: str, partition: int, offset: int, start: int, end: int) -> str:
    """The sentence for an offset that the log does not hold: below its start, or beyond its end."""
    where = f"topic {topic!r}, partition {partition}: offset {offset}"
    if offset < start:
        return (
            f"{where} is gone, retention has removed everything below {start}; start from a new state "
            "directory, or restore the log, and keep the topic longer than a flow may stand still"
        )
    return (
        f"{where} is beyond the end of the log, {end}: the topic was deleted and made anew, or the state "
        "belongs to another log; start from a new state directory"
    )
