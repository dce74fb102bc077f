"""Files that are made durable together: one wait for all of them."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from state.files import explained, sync_directory

_THREADS = 16


class Durable:
    """Syncs files in threads, as soon as they are written; a file system makes many durable at the price of a few.

    What names a file counts only after `wait`.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="headrace-sync")
        self._lock = Lock()
        self._files: list[Future[None]] = []
        self._directories: set[Path] = set()

    def add(self, path: Path) -> None:
        """Begin to make a new file durable; any thread may call this."""
        synced = self._threads.submit(_sync, path)
        with self._lock:
            self._files.append(synced)
            self._directories.add(path.parent)

    def wait(self) -> None:
        """Return when every file added so far is durable; raises `HeadraceError` if the disk refused one."""
        with self._lock:
            files, self._files = self._files, []
            directories, self._directories = self._directories, set()
        waiting = [*files, *(self._threads.submit(_sync_directory, path) for path in directories)]
        for synced in waiting:
            synced.result()

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=True)


def _sync(path: Path) -> None:
    with explained(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sync_directory(path: Path) -> None:
    with explained(path):
        sync_directory(path)
