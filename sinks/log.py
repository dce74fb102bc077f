"""What a log is to a writer."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from schemas.frame import Int64s


class LogWriter(Protocol):
    """Writes messages into chosen partitions, in order. Topic names are without their prefix."""

    def create(self, topics: Iterable[str], partitions: int) -> list[str]:
        """Make the topics that don't exist yet and return their names.

        Raises HeadraceError when one exists with another number of partitions.
        """

    def write(
        self,
        topic: str,
        partition: int,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None = None,
        append_ms: Int64s | None = None,
    ) -> None:
        """Hand over messages; `append_ms` None means now. They are durable after `flush`, not before.

        Raises HeadraceError when the log refuses them.
        """

    def flush(self) -> None:
        """Return when everything written is durable.

        Raises HeadraceError when anything is not: some of it may be in the log.
        """

    def hurry(self, seconds: float) -> None:
        """From now on wait at most so long for a service that is away; may be called from a signal handler."""

    def close(self) -> None:
        """Let go of files and connections; what was not flushed is dropped."""
