"""One connection to Redis at the level of its protocol."""

import contextlib
import socket
import ssl
from typing import Any

import hiredis
import numpy as np

from schemas.errors import HeadraceError
from sinks.redis_errors import meaning
from sinks.redis_url import Address
from sinks.resp_parts import Request, command

PLAIN_REPLY = 5
"""Bytes of a reply to `SET`: `+OK` done, `$-1` not done because of `XX`, each with its line end."""


class ReplyError(Exception):
    """An error reply, as hiredis gives it."""


class Connection:
    """A connected, authenticated socket; `run_id` identifies the server's process, `client_id` the connection.

    Methods raise `OSError` when the connection breaks, `TryAgainError` for an error that may pass, and
    `HeadraceError` for one that stays. After any of them the connection is of no more use.
    """

    def __init__(self, address: Address, timeout_s: float) -> None:
        """Connect; `timeout_s` is how long Redis may say nothing while an answer is due."""
        self._buffer = bytearray()
        self._socket = _connect(address, timeout_s)
        try:
            if address.password is not None:
                user = (address.user,) if address.user else ()
                self._call("AUTH", *user, address.password.reveal())
            if address.database:
                self._call("SELECT", str(address.database))
            self._call("PING")
            # Users with few rights may not be allowed these; then the server stays unidentified.
            information = self._ask("INFO", "server")
            self.run_id = information.partition("run_id:")[2].split("\r\n")[0]
            identity = self._ask("CLIENT", "ID")
            self.client_id = int(identity) if identity else None
        except BaseException:
            self.close()
            raise

    def send(self, request: Request) -> None:
        """Send the commands of `request`; Redis takes them in while earlier replies are still unread."""
        self._socket.sendall(request.data)

    def receive(self, request: Request) -> None:
        """Read and count the replies of `request`, the oldest that was sent and not yet received."""
        if request.lines:
            self._skip_lines(request.lines)
            return
        if not request.plain:
            self._replies(request.replies)
            return
        replies = self._read(PLAIN_REPLY * request.replies)
        if replies.count(b"+OK\r\n") + replies.count(b"$-1\r\n") != request.replies:
            self._buffer[:0] = replies
            self._replies(request.replies)
            raise HeadraceError(
                "Redis answered SET with something else: check that the URL is that of a Redis"
            )

    def forget(self, client_id: int) -> None:
        """Close another connection at the server's end, so that nothing that is still in it takes effect."""
        self._ask("CLIENT", "KILL", "ID", str(client_id))

    def close(self) -> None:
        """Close the socket; what was sent may or may not take effect."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _call(self, *words: str) -> Any:
        self._socket.sendall(command(*words))
        return self._replies(1)[0]

    def _ask(self, *words: str) -> str:
        """The reply as text, empty if it is an error that stays."""
        try:
            reply = self._call(*words)
        except HeadraceError:
            return ""
        return reply.decode() if isinstance(reply, bytes) else str(reply)

    def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive_some()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _skip_lines(self, count: int) -> None:
        """Read as many lines; an error among them is raised as soon as it is there."""
        while True:
            if self._buffer.startswith(b"-") or b"\n-" in self._buffer:
                _raise_first_error(_parse(self._buffer))
            there = self._buffer.count(b"\r\n")
            if there >= count:
                break
            self._receive_some()
        end = self._buffer.rfind(b"\n")
        if there > count:
            end = int(np.flatnonzero(np.frombuffer(self._buffer, np.uint8) == ord("\n"))[count - 1])
        del self._buffer[: end + 1]

    def _receive_some(self) -> None:
        received = self._socket.recv(1 << 16)
        if not received:
            # A server that turns a client away says why and hangs up.
            _raise_first_error(_parse(self._buffer))
            raise ConnectionResetError("Redis closed the connection")
        self._buffer += received

    def _replies(self, count: int) -> list[Any]:
        """The next `count` replies; nothing else may be under way."""
        try:
            while len(replies := _parse(self._buffer)) < count:
                _raise_first_error(replies)
                self._receive_some()
            _raise_first_error(replies)
            return replies
        finally:
            self._buffer.clear()


def _parse(data: bytearray) -> list[Any]:
    reader = hiredis.Reader(replyError=ReplyError)
    reader.feed(bytes(data))
    replies = []
    while (reply := reader.gets()) is not False:
        replies.append(reply)
    return replies


def _raise_first_error(replies: list[Any]) -> None:
    for reply in replies:
        if isinstance(reply, ReplyError):
            raise meaning(str(reply))
        if isinstance(reply, list):
            _raise_first_error(reply)


def _connect(address: Address, timeout_s: float) -> socket.socket:
    with contextlib.ExitStack() as on_failure:
        try:
            if address.path:
                plain = on_failure.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                plain.settimeout(timeout_s)
                plain.connect(address.path)
            else:
                plain = on_failure.enter_context(
                    socket.create_connection((address.host, address.port), timeout_s)
                )
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected = _encrypted(plain, address) if address.tls else plain
        except PermissionError as error:
            raise HeadraceError(
                f"no permission to use Redis at {address}: let this user write to its socket"
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise HeadraceError(
                f"the certificate of Redis at {address} is not trusted ({error.verify_message}): "
                "name the right authority by ?ssl_ca_certs=FILE in its URL"
            ) from error
        on_failure.pop_all()
        return connected


def _encrypted(plain: socket.socket, address: Address) -> socket.socket:
    options = address.options
    try:
        context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
        if "ssl_certfile" in options:
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    except OSError as error:
        raise HeadraceError(f"the certificate files in the URL of Redis can't be read: {error}") from error
    return context.wrap_socket(plain, server_hostname=address.host)
