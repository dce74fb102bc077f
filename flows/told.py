"""What a running flow tells over HTTP: metrics, `/healthz`, `/readyz` and `/status`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import msgspec

from flows.drawing import Drawing
from flows.health import Check, Health
from flows.looks import Looks
from flows.observe import Observer
from flows.status import status
from schemas.settings import Settings
from sinks.page import Page

HEALTH = "/healthz"
READY = "/readyz"
STATUS = "/status"


@contextmanager
def told(observer: Observer, settings: Settings, drawing: Drawing) -> Iterator[None]:
    """Serve the page until the end of the block, if `metrics.port` is set; raises `HeadraceError` if it can't be."""
    if not settings.metrics.port:
        yield
        return
    health = Health(observer, settings, drawing)
    with Looks(settings, observer) as looks:
        answers = {
            HEALTH: lambda: _checked(health.alive()),
            READY: lambda: _checked(health.ready()),
            STATUS: lambda: (200, msgspec.json.encode(status(observer, health, looks))),
        }
        page = Page(observer.metrics, settings.metrics.host, settings.metrics.port, answers)
        try:
            yield
        finally:
            page.close()


def _checked(checks: Iterable[Check]) -> tuple[int, bytes]:
    ok = all(check.ok for check in checks)
    body = msgspec.json.encode({"ok": ok, "checks": list(checks)})
    return (HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE), body
