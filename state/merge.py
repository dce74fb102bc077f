"""Size-tiered merging: many small chunks of a table become one, in the background."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from state.chunks import Chunk, ChunkStore

Merge = Callable[[list[pa.Table]], pa.Table]
"""Makes one partial state of several, oldest first; the sum of the state must stay the same."""

FAN_IN = 8
SMALLEST = 64 * 1024
MOST = 64


def tier(size: int) -> int:
    """The tier of a chunk of `size` bytes: all below 64 KB are alike, each next tier is eight times as large.

    >>> [tier(size) for size in (10, 65_536, 524_287, 524_288)]
    [0, 1, 1, 2]
    """
    number = 0
    while size >= SMALLEST:
        size //= FAN_IN
        number += 1
    return number


def choose(sizes: Sequence[int]) -> slice | None:
    """Which neighbouring chunks of a table to merge next, given their sizes in bytes; None if none.

    The lowest tier goes first: a stretch with at least `FAN_IN` chunks of that tier and none above it. So a
    byte is merged at most once a tier, apart from the lowest, where it costs next to nothing. Above `MOST`
    chunks the cheapest neighbours are merged whatever their tiers, so that their number stays bounded.

    >>> choose([9_000_000] + [100] * 8)
    slice(1, 9, None)
    """
    tiers = [tier(size) for size in sizes]
    for level in sorted(set(tiers)):
        start = alike = 0
        for end in range(len(tiers) + 1):
            if end < len(tiers) and tiers[end] <= level:
                alike += tiers[end] == level
                continue
            if alike >= FAN_IN:
                return slice(start, end)
            start, alike = end + 1, 0
    if len(sizes) > MOST:
        starts = range(len(sizes) - FAN_IN + 1)
        cheapest = min(starts, key=lambda start: sum(sizes[start : start + FAN_IN]))
        return slice(cheapest, cheapest + FAN_IN)
    return None


@dataclass(frozen=True, slots=True)
class Merged:
    """`chunk` holds what `replaced` held together; None where nothing was left of it."""

    replaced: tuple[Chunk, ...]
    chunk: Chunk | None


class Merger:
    """Merges runs of chunks in a thread of its own; what it makes is used when it is taken."""

    def __init__(self, store: ChunkStore, merges: Mapping[str, Merge]) -> None:
        """Merge chunks of the tables in `merges`, each by its function; other tables stay as they are."""
        self._store = store
        self._merges = merges
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headrace-merge")
        self._running: Future[list[Merged]] | None = None

    @property
    def running(self) -> bool:
        """Whether merges were started whose results have not been taken."""
        return self._running is not None

    def take(self) -> list[Merged]:
        """The merges that were started, once all are finished, and only once; raises what went wrong in them."""
        if self._running is None or not self._running.done():
            return []
        return self.finish()

    def finish(self) -> list[Merged]:
        """The merges that were started, as soon as they are finished; raises what went wrong in them."""
        running, self._running = self._running, None
        return running.result() if running is not None else []

    def start(self, chunks: Sequence[Chunk], whole: bool = False) -> bool:
        """Begin with one run of each table of `chunks` that needs it, or with the `whole` of each.

        Returns whether it did: not while merges are under way.
        """
        if self._running is not None:
            return False
        runs = []
        for table in self._merges:
            own = [chunk for chunk in chunks if chunk.table == table]
            run = slice(None) if whole else choose([chunk.bytes for chunk in own])
            if run is not None and own:
                runs.append(tuple(own[run]))
        if runs:
            self._running = self._thread.submit(lambda: [self._merge(run) for run in runs])
        return True

    def close(self) -> None:
        """Wait for the merges under way and forget them."""
        self._thread.shutdown(wait=True)

    def _merge(self, chunks: tuple[Chunk, ...]) -> Merged:
        table = chunks[0].table
        rows = self._merges[table]([self._store.read(chunk) for chunk in chunks])
        return Merged(chunks, self._store.write(table, rows) if rows.num_rows else None)
