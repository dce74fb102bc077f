"""Questions to a schema registry over HTTP, asked with patience: one that is starting or failing over is waited for."""

import http.client
import json
import logging
import ssl
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from schemas.errors import HeadraceError, UsageError
from schemas.secret import Secret

MOST_BYTES: Final = 4 << 20
"""A longer answer isn't read."""

TURN_S: Final = 5.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

log = logging.getLogger(__name__)

_CHUNK: Final = 1 << 16
_KIND: Final = "application/vnd.schemaregistry.v1+json"
_TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class Answer:
    """What the registry says: the HTTP status, the number of its error (0: none), and the JSON."""

    status: int
    error: int
    content: Any

    @property
    def message(self) -> str:
        """The registry's words for an error, in one line."""
        said = self.content.get("message", "") if isinstance(self.content, dict) else ""
        return " ".join(str(said).split())[:500] or f"error {self.error}"


class _PassingError(Exception):
    """Something that may be gone at the next try; the message says what."""


class RegistryHttp:
    """The registry at `url`. Redirects and proxies are not followed: a password goes where it was meant to go.

    `ca_file` has the certificates that an https registry is checked by (empty: the system's). `patience_s` is how long
    a registry that can't be reached, or has trouble of its own, is waited for; `waits` says whether somebody does.
    Raises UsageError if `ca_file` can't be used.
    """

    def __init__(
        self,
        url: str,
        user: str = "",
        password: Secret | None = None,
        ca_file: str = "",
        patience_s: float = 60.0,
    ) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._host, self._path, self._secure = parts.netloc, parts.path, parts.scheme == "https"
        self._patience_s = patience_s
        self._hurried = float("inf")
        self.waits = False
        self._context = _context(ca_file) if self._secure else None
        self._headers = {"Accept": f"{_KIND}, application/json", "Content-Type": _KIND}
        if user:
            words = f"{user}:{password.reveal() if password else ''}"
            self._headers["Authorization"] = f"Basic {b64encode(words.encode()).decode()}"

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """The answer to one question, be it an error of the question's.

        Raises HeadraceError when the registry refuses us, or gives no answer in time.
        """
        asked = time.monotonic()
        pause = FIRST_PAUSE_S
        told = False
        while True:
            try:
                answer = self._once(method, path, body)
                self.waits = False
                return answer
            except _PassingError as trouble:
                why = str(trouble)
            if time.monotonic() + pause > min(asked + self._patience_s, self._hurried):
                raise HeadraceError(
                    f"the schema registry at {self.url} did not answer for {time.monotonic() - asked:.3g} s ({why}); "
                    "start it, or correct schema_registry"
                )
            if not told:
                log.warning("waiting for the schema registry at %s: %s", self.url, why)
                told = True
            self.waits = True
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def hurry(self, seconds: float) -> None:
        """From now on wait at most so long for a registry that is away; may be called from a signal handler."""
        self._hurried = min(self._hurried, time.monotonic() + seconds)

    def _once(self, method: str, path: str, body: Any) -> Answer:
        connection = self._connection()
        try:
            text = None if body is None else json.dumps(body).encode()
            connection.request(method, self._path + path, text, self._headers)
            with connection.getresponse() as response:
                status, data = response.status, self._read(response)
        except ssl.SSLCertVerificationError as error:
            raise HeadraceError(
                f"the schema registry at {self.url} can't prove who it is ({error.verify_message}); name the file of "
                "the certificates that it is checked by in schema_registry_ca"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise _PassingError(str(error) or type(error).__name__) from None
        finally:
            connection.close()
        return self._understood(status, data)

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(self._host, timeout=TURN_S, context=self._context)
        return http.client.HTTPConnection(self._host, timeout=TURN_S)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """The whole answer, in a time and of a size that have bounds."""
        until = time.monotonic() + TURN_S
        data = bytearray()
        while chunk := response.read1(_CHUNK):
            data += chunk
            if len(data) > MOST_BYTES:
                raise HeadraceError(
                    f"the schema registry at {self.url} gave an answer of more than {MOST_BYTES} bytes; check that "
                    "schema_registry is the URL of a schema registry"
                )
            if time.monotonic() > until:
                raise TimeoutError("its answer does not end")
        return bytes(data)

    def _understood(self, status: int, data: bytes) -> Answer:
        if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
            raise HeadraceError(
                f"the schema registry at {self.url} refuses this user (HTTP {status}); set schema_registry_user and "
                "HEADRACE_SCHEMA_REGISTRY_PASSWORD, or give the user the right to it"
            )
        if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR or status == _TOO_MANY:
            raise _PassingError(f"HTTP {status}")
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            content = None
        ok = status == http.HTTPStatus.OK
        error = 0 if ok else content.get("error_code") if isinstance(content, dict) else None
        if content is None or not isinstance(error, int):
            raise _PassingError(f"HTTP {status} with an answer that is not a schema registry's")
        return Answer(status, error, content)


def _context(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"schema_registry_ca = {ca_file!r} can't be used: {error}") from None
