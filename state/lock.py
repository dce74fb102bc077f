"""Who may use a state directory: one process, or the processes of one cluster."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from schemas.errors import HeadraceError
from state.files import explained, make_directory

_LOOK_S = 1.0
"""For a moment others hold a seat to see whether somebody sits there."""


class StateLock:
    """The lock of a state directory, held until `close` or the end of the process.

    A process by itself holds it alone. The processes of a cluster share it, each with a `seat` of its own, under
    the same `name`: another cluster is kept out.
    """

    def __init__(self, directory: Path, name: str = "", seat: int | None = None) -> None:
        """Take the lock; raises `HeadraceError` naming the process that has it."""
        make_directory(directory)
        self._directory = directory
        self._open: list[int] = []
        try:
            if seat is not None:
                self._alone(_seat(seat))
            lock = self._file("lock")
            if not self._take(lock, fcntl.LOCK_EX):
                if seat is None or not self._take(lock, fcntl.LOCK_SH):
                    raise self._taken(lock)
                if self._read(lock) != name:
                    raise HeadraceError(
                        f"another cluster uses state directory {directory}; stop it, or start all processes with the "
                        "same --addresses"
                    )
            else:
                self._write(lock, name or str(os.getpid()))
                if seat is not None:
                    fcntl.flock(lock, fcntl.LOCK_SH)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the directory go."""
        while self._open:
            os.close(self._open.pop())

    def _alone(self, file: str) -> None:
        seat = self._file(file)
        deadline = time.monotonic() + _LOOK_S
        while not self._take(seat, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise self._taken(seat)
            time.sleep(_LOOK_S / 20)
        self._write(seat, str(os.getpid()))

    def _file(self, name: str) -> int:
        path = self._directory / name
        with explained(path):
            self._open.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
        return self._open[-1]

    def _take(self, descriptor: int, kind: int) -> bool:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _read(self, descriptor: int) -> str:
        return os.pread(descriptor, 65_536, 0).decode(errors="replace").strip()

    def _write(self, descriptor: int, text: str) -> None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{text}\n".encode(), 0)

    def _taken(self, descriptor: int) -> HeadraceError:
        holder = self._read(descriptor) or "unknown"
        return HeadraceError(
            f"another process (pid {holder}) uses state directory {self._directory}; stop it or give this one "
            "its own place with --state"
        )

    def __enter__(self) -> "StateLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def seated(directory: Path, seat: int) -> bool:
    """Whether a process of a cluster holds this seat; raises `HeadraceError` if the directory can't be used."""
    path = directory / _seat(seat)
    with explained(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _seat(number: int) -> str:
    return f"seat-{number:05d}"
