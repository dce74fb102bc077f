"""A stand-in for a schema registry: the part of its HTTP API that we ask, in a thread of the test."""

import base64
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from tests.services.ports import free_port

Schema = dict[str, Any]
Answer = tuple[int, Any]

SUBJECT_MISSING = (404, {"error_code": 40401, "message": "Subject not found."})
VERSION_MISSING = (404, {"error_code": 40402, "message": "Version not found."})
SCHEMA_MISSING = (404, {"error_code": 40403, "message": "Schema not found"})
INCOMPATIBLE = (409, {"error_code": 409, "message": "Schema being registered is incompatible"})
INVALID = (422, {"error_code": 42201, "message": "Invalid schema"})
BROKEN = (500, {"error_code": 50001, "message": "Error in the backend data store"})


@dataclass
class SchemaRegistry:
    """A registry on a free port, which keeps its schemas over `stop` and `start`.

    With `user`, questions need it and `password`. `answers` are given in place of its own, first in, first out;
    `asked` has each question as "METHOD /path".
    """

    user: str = ""
    password: str = ""
    port: int = field(default_factory=free_port)
    asked: list[str] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    by_id: dict[int, dict[str, Any]] = field(default_factory=dict)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def add(self, schema: Any, subject: str = "", **more: Any) -> int:
        """Put in a schema as if a producer had registered it; returns its id."""
        content = {"schema": schema if isinstance(schema, str) else json.dumps(schema), **more}
        there = [number for number, known in self.by_id.items() if known == content]
        number = there[0] if there else max(self.by_id, default=100) + 1
        self.by_id[number] = content
        if subject and number not in self.subjects.setdefault(subject, []):
            self.subjects[subject].append(number)
        return number

    def start(self) -> None:
        """Listen."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, method: str, path: str, body: dict[str, Any], authorization: str | None) -> Answer:
        """What it says to a question."""
        self.asked.append(f"{method} {path}")
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if self.user and authorization != f"Basic {expected}":
            return 401, {"error_code": 401, "message": "Unauthorized"}
        if self.answers:
            return self.answers.pop(0)
        match method, [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]:
            case "GET", ["schemas", "ids", number]:
                known = self.by_id.get(int(number))
                return SCHEMA_MISSING if known is None else (200, known)
            case "GET", ["subjects", subject, "versions", version]:
                return self._version(subject, version)
            case "POST", ["subjects", subject, "versions"]:
                return self._register(subject, body)
            case "POST", ["subjects", subject]:
                return self._lookup(subject, body)
            case "POST", ["compatibility", "subjects", subject, "versions", "latest"]:
                return self._compatibility(subject, body)
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _version(self, subject: str, version: str) -> Answer:
        ids = self.subjects.get(subject)
        if not ids:
            return SUBJECT_MISSING
        place = len(ids) if version == "latest" else int(version)
        if not 1 <= place <= len(ids):
            return VERSION_MISSING
        number = ids[place - 1]
        return 200, {"subject": subject, "version": place, "id": number, **self.by_id[number]}

    def _register(self, subject: str, body: dict[str, Any]) -> Answer:
        if not _is_schema(body["schema"]):
            return INVALID
        if subject in self.subjects and not self._may_follow(subject, body["schema"]):
            return INCOMPATIBLE
        return 200, {"id": self.add(body["schema"], subject)}

    def _lookup(self, subject: str, body: dict[str, Any]) -> Answer:
        if subject not in self.subjects:
            return SUBJECT_MISSING
        for version, number in enumerate(self.subjects[subject], 1):
            if self.by_id[number]["schema"] == body["schema"]:
                return 200, {"subject": subject, "version": version, "id": number, "schema": body["schema"]}
        return SCHEMA_MISSING

    def _compatibility(self, subject: str, body: dict[str, Any]) -> Answer:
        if subject not in self.subjects:
            return SUBJECT_MISSING
        if self._may_follow(subject, body["schema"]):
            return 200, {"is_compatible": True}
        return 200, {"is_compatible": False, "messages": ["READER_FIELD_MISSING_DEFAULT_VALUE"]}

    def _may_follow(self, subject: str, schema: str) -> bool:
        """Backward: what the latest wrote can be read, as far as names and defaults go."""
        written = {
            one["name"] for one in json.loads(self.by_id[self.subjects[subject][-1]]["schema"])["fields"]
        }
        return all(one["name"] in written or "default" in one for one in json.loads(schema)["fields"])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(*registry.answer("GET", self.path, {}, self.headers["Authorization"]))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._say(*registry.answer("POST", self.path, body, self.headers["Authorization"]))

            def _say(self, status: int, content: Any) -> None:
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Nobody reads it."""

        return Handler


def _is_schema(text: str) -> bool:
    try:
        return "fields" in json.loads(text)
    except ValueError:
        return False
