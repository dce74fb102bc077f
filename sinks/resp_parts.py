"""What commands are put together from, in the bytes of the Redis protocol (RESP)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.frame import Int64s

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Request:
    """Commands to send: `data` is RESP, `replies` how many replies come back.

    `plain` says that each command is a `SET` outside a transaction, so that each reply is five bytes long. `lines` is
    how many lines the replies have if all goes well, where that is known; 0 where it is not.
    """

    data: bytes | memoryview
    replies: int
    plain: bool
    lines: int = 0


class Digits:
    """Ids as text: `lengths` says how many characters each has, int32[n].

    >>> ids = Digits(np.array([7, -12, 345]))
    >>> ids.of(np.array([1, 2]), 3).tobytes()
    b'-12345'
    """

    def __init__(self, ids: Int64s) -> None:
        _, offsets, text = pa.array(ids).cast(pa.string()).buffers()
        self._offsets = np.frombuffer(offsets, np.int32, len(ids) + 1)
        self._text = np.frombuffer(text, np.uint8)
        self.lengths = np.diff(self._offsets)

    def of(self, rows: Int64s, characters: int) -> Bytes:
        """The text of some rows, all of the same length: uint8[n, characters]."""
        found: Bytes = self._text[self._offsets[rows][:, None] + np.arange(characters, dtype=np.int32)]
        return found


def command(*words: str | float) -> bytes:
    r"""One command; numbers are written as the shortest text that gives the same number.

    >>> command("ZADD", "trending:all", 0.5, "7")
    b'*4\r\n$4\r\nZADD\r\n$12\r\ntrending:all\r\n$3\r\n0.5\r\n$1\r\n7\r\n'
    """
    texts = [(word if isinstance(word, str) else repr(word)).encode() for word in words]
    return b"*%d\r\n" % len(texts) + b"".join(b"$%d\r\n%b\r\n" % (len(text), text) for text in texts)


def side_by_side(*columns: bytes | Bytes) -> memoryview:
    """Rows of bytes put side by side; a `bytes` is the same in each row."""
    rows = next(len(column) for column in columns if not isinstance(column, bytes))
    matrix = np.concatenate(
        [
            np.broadcast_to(np.frombuffer(column, np.uint8), (rows, len(column)))
            if isinstance(column, bytes)
            else column
            for column in columns
        ],
        axis=1,
    )
    return matrix.reshape(-1).data
