"""Files that are made durable together: written and synced by threads, with one wait for all of them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from state.files import explained, sync_directory, write_synced

_THREADS = 16


class Durable:
    """Writes and removes files in threads; a file system makes many durable at the price of a few.

    What names a file counts only after `wait`.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="headrace-files")
        self._lock = Lock()
        self._under_way: dict[Path, Future[None]] = {}
        self._directories: set[Path] = set()

    def write(self, path: Path, data: bytes | memoryview) -> None:
        """Begin to write a new file, which is whole or not there; any thread may call this."""
        self._begin(path, lambda: write_synced(path, data))

    def remove(self, path: Path) -> None:
        """Begin to remove a file; one that is gone already is fine."""
        self._begin(path, lambda: _remove(path))

    def finish(self, path: Path) -> None:
        """Return when what was begun with a file is done; raises `HeadraceError` if the disk refused."""
        with self._lock:
            begun = self._under_way.get(path)
        if begun is not None:
            begun.result()

    def wait(self) -> None:
        """Return when everything begun so far is durable; raises `HeadraceError` if the disk refused any of it."""
        with self._lock:
            begun = dict(self._under_way)
            directories, self._directories = self._directories, set()
        for future in begun.values():
            future.result()
        for future in [self._threads.submit(_sync_directory, path) for path in directories]:
            future.result()
        with self._lock:
            for path, future in begun.items():
                if self._under_way.get(path) is future:
                    del self._under_way[path]

    def close(self) -> None:
        """Finish what was begun, and stop the threads."""
        self._threads.shutdown(wait=True)

    def _begin(self, path: Path, work: Callable[[], None]) -> None:
        with self._lock:
            self._under_way[path] = self._threads.submit(work)
            self._directories.add(path.parent)


def _remove(path: Path) -> None:
    with explained(path):
        path.unlink(missing_ok=True)


def _sync_directory(path: Path) -> None:
    with explained(path):
        sync_directory(path)
