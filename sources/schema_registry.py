"""A client of a schema registry: schemas by id, for reading; registering and compatibility, for writing."""

import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote

from schemas.errors import HeadraceError
from schemas.records import AvroSchema
from schemas.settings import Settings
from sources.registry_http import Answer, RegistryHttp
from sources.registry_references import inlined

UNKNOWN_S: Final = 60.0
"""How long "no such id" counts: a producer registers a schema before it writes with it."""

MOST_UNKNOWN: Final = 10_000

_OK: Final = 200
_CONFLICT: Final = 409
_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA = 40401, 40402, 40403
_MISSING: Final = (_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA)


class IncompatibleError(HeadraceError):
    """The registry takes no such schema, because of the ones before; `why` is its reason."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Registered:
    """One version of a subject."""

    schema_id: int
    version: int


@dataclass(frozen=True, slots=True)
class Compatibility:
    """Whether a schema may follow the latest one of its subject; if not, `why` in the registry's words."""

    compatible: bool
    why: str = ""


class SchemaRegistry:
    """A registry asked through `http`; what it says of an id is remembered, as an id never changes its meaning.

    It may be used by several threads. Every method raises HeadraceError when the registry refuses us or gives no
    answer in time.
    """

    def __init__(self, http: RegistryHttp) -> None:
        self._http = http
        self._lock = threading.Lock()
        self._known: dict[int, AvroSchema | str] = {}
        self._unknown: dict[int, float] = {}

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The registry of the settings, if there is one; nothing is asked yet."""
        if not settings.schema_registry:
            return None
        return cls(
            RegistryHttp(
                settings.schema_registry,
                settings.schema_registry_user,
                settings.schema_registry_password,
                settings.schema_registry_ca,
                settings.schema_registry_retry_ms / 1000,
            )
        )

    @property
    def waits(self) -> bool:
        """Whether somebody is waiting for an answer of a registry that is away."""
        return self._http.waits

    def schema(self, schema_id: int) -> AvroSchema | str | None:
        """The schema with an id, as it was registered; a text says why it is none of Avro; None if it is unknown."""
        with self._lock:
            if schema_id in self._known:
                return self._known[schema_id]
            if time.monotonic() < self._unknown.get(schema_id, 0.0):
                return None
            answer = self._http.ask("GET", f"/schemas/ids/{schema_id}")
            if answer.error in _MISSING:
                if len(self._unknown) >= MOST_UNKNOWN:
                    self._unknown.clear()
                self._unknown[schema_id] = time.monotonic() + UNKNOWN_S
                return None
            self._known[schema_id] = self._parsed(self._content(answer))
            return self._known[schema_id]

    def lookup(self, subject: str, schema: AvroSchema) -> Registered | None:
        """Where a subject has this very schema, None where it has not."""
        answer = self._http.ask("POST", f"/subjects/{_quoted(subject)}", _body(schema))
        return None if answer.error in _MISSING else self._registered(answer)

    def latest(self, subject: str) -> Registered | None:
        """The latest version of a subject, None if there is no such subject."""
        answer = self._http.ask("GET", f"/subjects/{_quoted(subject)}/versions/latest")
        return None if answer.error in _MISSING else self._registered(answer)

    def register(self, subject: str, schema: AvroSchema) -> int:
        """The id of the schema, which is the latest version of its subject from now on, or was in it before.

        Raises IncompatibleError when it may not follow the ones before, HeadraceError when the registry does not take
        it for another reason.
        """
        answer = self._http.ask("POST", f"/subjects/{_quoted(subject)}/versions", _body(schema))
        if answer.status == _CONFLICT:
            raise IncompatibleError(
                f"the schema registry at {self._http.url} takes no new schema of {subject!r}, it is not compatible "
                f"with the ones before ({answer.message}); see headrace schemas check, or use another topic_prefix",
                answer.message,
            )
        return self._number(self._content(answer), "id")

    def compatibility(self, subject: str, schema: AvroSchema) -> Compatibility | None:
        """Whether the schema may follow the latest of its subject, by the level that is set in the registry.

        None if there is no such subject.
        """
        path = f"/compatibility/subjects/{_quoted(subject)}/versions/latest?verbose=true"
        answer = self._http.ask("POST", path, _body(schema))
        if answer.error in _MISSING:
            return None
        content = self._content(answer)
        compatible, why = content.get("is_compatible"), content.get("messages") or []
        if not isinstance(compatible, bool) or not isinstance(why, list):
            raise self._odd(answer)
        return Compatibility(compatible, " ".join(" ".join(map(str, why)).split())[:500])

    def hurry(self, seconds: float) -> None:
        """From now on wait at most so long for a registry that is away; may be called from a signal handler."""
        self._http.hurry(seconds)

    def _parsed(self, content: dict[str, Any]) -> AvroSchema | str:
        kind = content.get("schemaType", "AVRO")
        if kind != "AVRO":
            return f"it is of the type {str(kind)[:40]}, not AVRO"
        try:
            schema: AvroSchema = json.loads(content["schema"])
        except (KeyError, TypeError, ValueError, RecursionError):
            return "it is no JSON"
        references = content.get("references") or []
        return inlined(schema, references, self._referenced) if references else schema

    def _referenced(self, subject: str, version: int) -> dict[str, Any] | None:
        answer = self._http.ask("GET", f"/subjects/{_quoted(subject)}/versions/{version}")
        return None if answer.error in _MISSING else self._content(answer)

    def _registered(self, answer: Answer) -> Registered:
        content = self._content(answer)
        return Registered(self._number(content, "id"), self._number(content, "version"))

    def _number(self, content: dict[str, Any], name: str) -> int:
        number = content.get(name)
        if not isinstance(number, int):
            raise self._odd(Answer(_OK, 0, content))
        return number

    def _content(self, answer: Answer) -> dict[str, Any]:
        if answer.error:
            raise HeadraceError(
                f"the schema registry at {self._http.url} says: {answer.message} (HTTP {answer.status}, {answer.error})"
            )
        if not isinstance(answer.content, dict):
            raise self._odd(answer)
        return answer.content

    def _odd(self, answer: Answer) -> HeadraceError:
        return HeadraceError(
            f"the schema registry at {self._http.url} gave an answer that is not a schema registry's "
            f"({str(answer.content)[:100]!r}); correct schema_registry"
        )


def _quoted(subject: str) -> str:
    return quote(subject, safe="")


def _body(schema: AvroSchema) -> dict[str, str]:
    return {"schema": json.dumps(schema)}
