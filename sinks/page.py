"""The HTTP page of a running flow: its metrics for Prometheus, and what others want to know as JSON."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app

from schemas.errors import HeadraceError
from sinks.metrics import Metrics

METRICS = "/metrics"

Answer = Callable[[], tuple[int, bytes]]
"""Gives the HTTP status and the JSON of a path; called in a thread of the page's own."""


class Page:
    """Serves `metrics` at `/metrics`, and each of `answers` at its path, in threads of its own until `close`."""

    def __init__(
        self, metrics: Metrics, host: str, port: int, answers: Mapping[str, Answer] | None = None
    ) -> None:
        """Listen on `host:port`, a free port if 0; `HeadraceError` if the port can't be had."""
        registry = CollectorRegistry()
        registry.register(metrics)
        ProcessCollector(registry=registry)
        self._metrics = make_wsgi_app(registry)
        self._answers = dict(answers or {})
        try:
            self._server = _listening(host, port)
        except OSError as error:
            raise HeadraceError(
                f"the metrics page can't listen on {host}:{port} ({error.strerror}); set metrics.port to another, or 0"
            ) from error
        self._server.set_app(self._respond)
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(target=self._server.serve_forever, name="headrace-page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _respond(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in (METRICS, "/"):
            metrics: Iterable[bytes] = self._metrics(environ, start_response)
            return metrics
        if path in self._answers:
            code, body = self._answers[path]()
        else:
            code, body = 404, json.dumps({"error": f"try {', '.join([METRICS, *self._answers])}"}).encode()
        start_response(
            f"{int(code)} {HTTPStatus(code).phrase}",
            [("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store")],
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""


def _listening(host: str, port: int) -> WSGIServer:
    """A server on the first address that `host` stands for, of whatever family."""
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    server = type("_Server", (_Server,), {"address_family": family})
    made: WSGIServer = server((address[0], port), _Handler)
    return made
