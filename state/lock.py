"""One process at a time on a state directory."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from schemas.errors import HeadraceError
from state.files import explained, make_directory


class StateLock:
    """The exclusive lock of a state directory, held until `close` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        """Take the lock; raises `HeadraceError` naming the process that has it."""
        make_directory(directory)
        path = directory / "lock"
        with explained(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise HeadraceError(
                f"another process (pid {holder}) uses state directory {directory}; stop it or give this one "
                "its own place with --state"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let the directory go."""
        os.close(self._descriptor)

    def __enter__(self) -> "StateLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
