"""Chunks: immutable Arrow files that together are the state."""

import re
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from schemas.errors import HeadraceError
from state.durable import Durable
from state.files import explained, make_directory, write_whole

SUFFIX = ".arrow"
_TABLE = re.compile(r"[a-z][a-z0-9_]*")
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, slots=True)
class Chunk:
    """What it takes to read a chunk file again: `bytes` is its length, `checksum` its CRC-32 in hex."""

    name: str
    table: str
    rows: int
    bytes: int
    checksum: str


class ChunkStore:
    """A directory of chunks, used by one keeper only.

    A chunk is an Arrow IPC file compressed with lz4. It is written once under a name that is never used
    again, so a reader never sees a file change. CRC-32 guards against damage, not against intent.
    """

    def __init__(self, path: Path, durable: Durable | None = None) -> None:
        """Open the store at `path`, creating it; raises `HeadraceError` if it cannot be written.

        Chunks are durable when they are written, or together with others once `durable` has been waited for.
        """
        self.path = path
        self._durable = durable
        make_directory(path)
        with explained(path):
            for left_over in path.glob(".*.tmp"):
                left_over.unlink(missing_ok=True)

    def write(self, table: str, rows: pa.Table) -> Chunk:
        """Write `rows` as a new chunk of `table`; raises `HeadraceError` if the disk refuses."""
        if not _TABLE.fullmatch(table):
            raise ValueError(f"a table name is lower-case words joined by _, not {table!r}")
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, rows.schema, options=_OPTIONS) as writer:
            writer.write_table(rows.unify_dictionaries())
        data = memoryview(sink.getvalue())
        name = f"{table}-{uuid.uuid4().hex}{SUFFIX}"
        if self._durable is None:
            write_whole(self.path / name, data)
        else:
            self._durable.write(self.path / name, data)
        return Chunk(name, table, rows.num_rows, data.nbytes, _checksum(data))

    def read(self, chunk: Chunk) -> pa.Table:
        """The rows of `chunk`; raises `HeadraceError` naming the file if it is missing or damaged."""
        path = self.path / chunk.name
        if self._durable is not None:
            self._durable.finish(path)
        try:
            with explained(path):
                data = path.read_bytes()
        except HeadraceError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise HeadraceError(f"state chunk {path} is missing: {_RESTORE}") from error
            raise
        if len(data) != chunk.bytes:
            raise HeadraceError(
                f"state chunk {path} has {len(data)} bytes instead of {chunk.bytes}: {_RESTORE}"
            )
        if _checksum(data) != chunk.checksum:
            raise HeadraceError(f"state chunk {path} is damaged (its checksum differs): {_RESTORE}")
        return pa.ipc.open_file(pa.BufferReader(data)).read_all()

    def delete(self, name: str) -> None:
        """Remove a chunk file; one that is gone already is fine."""
        path = self.path / name
        if self._durable is not None:
            self._durable.remove(path)
        else:
            with explained(path):
                path.unlink(missing_ok=True)

    def names(self) -> set[str]:
        """The names of all chunk files there are, named by a manifest or not."""
        with explained(self.path):
            return {path.name for path in self.path.glob(f"*{SUFFIX}")}


_RESTORE = """put the file back from a copy, or remove the whole state directory to compute everything again \
from the logs"""


def _checksum(data: bytes | memoryview) -> str:
    return f"{zlib.crc32(data):08x}"
