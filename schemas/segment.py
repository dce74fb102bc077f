"""A segment of the file log: an Avro object container file of consecutive log records, with a checksum.

The records have `offset` (consecutive), `append_ms`, `key` and `value` (the very bytes that Kafka would
carry, or null). The file header carries `headrace.sum`: the sum and the exclusive or of the 64-bit
little-endian words behind the header, the last word filled up with zeros, and the CRC-32 of the header without
this entry, in hexadecimal digits. A file of another writer, without
it, is read as well.
"""

import io
import zlib
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import polars as pl

MAGIC: Final = b"Obj\x01"
CHECKSUM: Final = "headrace.sum"
SYNC_BYTES: Final = 16
COLUMNS: Final = {"offset": pl.Int64, "append_ms": pl.Int64, "key": pl.Binary, "value": pl.Binary}


class SegmentError(ValueError):
    """The bytes are not a whole segment; the message says what is wrong with them."""


def encode(base: int, append_ms: npt.NDArray[np.int64], keys: Any, values: Any) -> bytes:
    """The file of the records `base`, `base + 1`, ...: one entry each in `append_ms`, `keys` and `values`.

    `keys` and `values` are binary arrays of Arrow.
    """
    rows = pl.DataFrame(
        {
            "offset": np.arange(base, base + len(values), dtype=np.int64),
            "append_ms": append_ms,
            "key": pl.Series(values=pl.from_arrow(keys), dtype=pl.Binary),
            "value": pl.Series(values=pl.from_arrow(values), dtype=pl.Binary),
        }
    ).rechunk()
    file = io.BytesIO()
    rows.write_avro(file, name="LogRecord")
    plain = file.getvalue()
    header, start = _read_header(io.BytesIO(plain))
    blocks = memoryview(plain)[start:]
    sync = plain[start - SYNC_BYTES : start]
    header[CHECKSUM] = _checksum(_write_header(header, sync), blocks)
    return b"".join([_write_header(header, sync), blocks])


def decode(data: bytes, base: int) -> pl.DataFrame:
    """The records of a file whose first offset is `base`, with the columns `COLUMNS`, in offset order.

    Raises SegmentError when the file is cut, damaged, or holds other offsets than `base`, `base + 1`, ...
    """
    header, start = _read_header(io.BytesIO(data))
    stated = header.pop(CHECKSUM, None)
    plain = _write_header(header, data[start - SYNC_BYTES : start])
    if stated is not None and stated != _checksum(plain, memoryview(data)[start:]):
        raise SegmentError("its checksum does not match")
    try:
        rows = pl.read_avro(io.BytesIO(data))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SegmentError("it is not an Avro file") from error
    if dict(rows.schema) != COLUMNS:
        raise SegmentError(f"its columns are not {', '.join(COLUMNS)}")
    offsets = rows["offset"].to_numpy()
    if not np.array_equal(offsets, np.arange(base, base + len(offsets))):
        raise SegmentError(f"its offsets do not run on from {base}")
    if rows["append_ms"].null_count():
        raise SegmentError("a record in it has no append_ms")
    return rows


def count(file: BinaryIO) -> int:
    """How many records a file holds, by its block heads alone.

    Raises SegmentError when the file is cut off.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    _, position = _read_header(file)
    rows = 0
    while position < size:
        file.seek(position)
        rows += _read_long(file)
        length = _read_long(file)
        position = file.tell() + length + SYNC_BYTES
    if position > size:
        raise SegmentError("its end is missing")
    return rows


def _checksum(header: bytes, data: memoryview) -> bytes:
    whole = len(data) // 8 * 8
    words = np.frombuffer(data[:whole], dtype="<u8")
    rest = int.from_bytes(data[whole:], "little")
    total = (int(np.sum(words, dtype=np.uint64)) + rest) & 0xFFFF_FFFF_FFFF_FFFF
    mixed = int(np.bitwise_xor.reduce(words)) ^ rest
    return f"{total:016x}{mixed:016x}{zlib.crc32(header):08x}".encode()


def _read_header(file: BinaryIO) -> tuple[dict[str, bytes], int]:
    """The metadata of the file and the position behind its sync marker."""
    if file.read(len(MAGIC)) != MAGIC:
        raise SegmentError("it does not begin as an Avro file")
    entries: dict[str, bytes] = {}
    while pairs := _read_long(file):
        if pairs < 0:
            _read_long(file)
        for _ in range(abs(pairs)):
            name = _read_bytes(file)
            entries[name.decode("utf-8", "replace")] = _read_bytes(file)
    if len(file.read(SYNC_BYTES)) < SYNC_BYTES:
        raise SegmentError("its header is cut off")
    return entries, file.tell()


def _write_header(entries: dict[str, bytes], sync: bytes) -> bytes:
    parts = [MAGIC, _long(len(entries))]
    for name, value in entries.items():
        parts += [_long(len(name)), name.encode(), _long(len(value)), value]
    return b"".join([*parts, _long(0), sync])


def _long(value: int) -> bytes:
    """Avro's variable-length zig-zag form."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _read_long(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise SegmentError("it ends in the middle of a number")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value >> 1 ^ -(value & 1)
    raise SegmentError("a number in it is too long")


def _read_bytes(file: BinaryIO) -> bytes:
    length = _read_long(file)
    data = file.read(length) if length >= 0 else b""
    if len(data) != length:
        raise SegmentError("its header is cut off")
    return data
