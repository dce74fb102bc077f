"""The keeper: saves what one epoch brought, and gives back all of it."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from state.chunks import Chunk, ChunkStore
from state.manifest import Manifest
from state.merge import Merge, Merged, Merger

KEPT = 2
"""A file outlives this many manifests that don't name it: an engine may resume from an earlier one."""


_PURGE = "purge"
"""The fact of a manifest that says that its chunks may still hold what was erased."""


class Keeper:
    """State that is additive, kept as chunks: a snapshot costs what changed, whatever there is.

    `merges` says how to add up the chunks of a table; a table without an entry keeps all its chunks. One
    keeper owns its store: files of others in the same directory would be taken for left-overs.
    """

    def __init__(
        self, store: ChunkStore, merges: Mapping[str, Merge], fingerprint: Mapping[str, str] | None = None
    ) -> None:
        """Keep state in `store`; `fingerprint` (settings as text) goes into each manifest."""
        self._store = store
        self._merger = Merger(store, merges)
        self._fingerprint = dict(fingerprint or {})
        self._chunks: list[Chunk] = []
        self._unnamed = dict.fromkeys(store.names(), 0)
        self._purge = False
        self._purging = False
        self._purged = False
        self.snapshot_seconds = 0.0
        self.snapshot_bytes = 0

    @property
    def busy(self) -> bool:
        """Whether further snapshots have something to do although nothing changes: merges to take, files to remove."""
        return self._purge or self._merger.running or bool(self._unnamed)

    @property
    def rows(self) -> int:
        """Rows in all chunks; a key that is in several counts in each."""
        return sum(chunk.rows for chunk in self._chunks)

    @property
    def bytes(self) -> int:
        """Bytes of all chunks on disk."""
        return sum(chunk.bytes for chunk in self._chunks)

    def snapshot(
        self,
        deltas: Mapping[str, pa.Table],
        facts: Mapping[str, int],
        purge: bool = False,
        last: bool = False,
    ) -> dict[str, Any]:
        """Save what came since the last snapshot; the manifest and the files it names are the whole state.

        `deltas` are the partial states by table, added to what was saved before; empty ones cost nothing. `purge`
        has everything merged anew, in the background, or at once in the `last` snapshot of a run; the manifest says
        so until it is done, and whoever resumes goes on with it.
        Raises `HeadraceError` if the disk refuses or a merge found a damaged chunk.
        """
        began = time.perf_counter()
        for name in [name for name, times in self._unnamed.items() if times >= KEPT]:
            self._store.delete(name)
            del self._unnamed[name]
        for merged in self._merger.take():
            self._adopt(merged)
        self._purging &= self._merger.running
        written = [self._store.write(table, rows) for table, rows in deltas.items() if rows.num_rows]
        self._chunks += written
        for name in self._unnamed:
            self._unnamed[name] += 1
        self._purge |= purge
        if last and (self._purge or self._purging):
            self._purge_now()
        elif self._merger.start(self._chunks, whole=self._purge):
            self._purging, self._purge = self._purge, False
        self._purged |= self._purging
        self.snapshot_bytes = sum(chunk.bytes for chunk in written)
        self.snapshot_seconds = time.perf_counter() - began
        owed = {_PURGE: 1} if self._purge or self._purging else {}
        return Manifest(self._fingerprint, {**facts, **owed}, tuple(self._chunks)).to_plain()

    def restore(self, plain: Mapping[str, Any]) -> tuple[dict[str, list[pa.Table]], dict[str, int]]:
        """Take up the state of a manifest: the chunks of each table, oldest first, and the facts.

        Raises `HeadraceError` naming the file if a chunk is missing or damaged.
        """
        manifest = Manifest.from_plain(plain)
        tables: dict[str, list[pa.Table]] = {}
        for chunk in manifest.chunks:
            tables.setdefault(chunk.table, []).append(self._store.read(chunk))
            self._unnamed.pop(chunk.name, None)
        self._chunks = list(manifest.chunks)
        facts = dict(manifest.facts)
        self._purge = bool(facts.pop(_PURGE, 0))
        return tables, facts

    def read(self, table: str) -> Iterator[pa.Table]:
        """The chunks of a table, oldest first, one at a time; to be used up before the next snapshot.

        Raises `HeadraceError` naming the file if a chunk is missing or damaged.
        """
        return (self._store.read(chunk) for chunk in self._chunks if chunk.table == table)

    def settle(self) -> None:
        """The last manifest counts, and no engine will resume from an earlier one: what was purged goes at once."""
        if self._purged:
            for name in self._unnamed:
                self._store.delete(name)
            self._unnamed = {}

    def close(self) -> None:
        """Stop the background thread; what it had begun is left for a later run to clean up."""
        self._merger.close()

    def _purge_now(self) -> None:
        for merged in self._merger.finish():
            self._adopt(merged)
        self._merger.start(self._chunks, whole=True)
        for merged in self._merger.finish():
            self._adopt(merged)
        self._purge, self._purging, self._purged = False, False, True

    def _adopt(self, merged: Merged) -> None:
        replaced = {chunk.name for chunk in merged.replaced}
        place = next(index for index, chunk in enumerate(self._chunks) if chunk.name in replaced)
        self._chunks = [chunk for chunk in self._chunks if chunk.name not in replaced]
        if merged.chunk is not None:
            self._chunks.insert(place, merged.chunk)
        for name in replaced:
            self._unnamed[name] = 0
