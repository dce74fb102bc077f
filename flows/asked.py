"""Asks running flows for their status, over HTTP."""

import json
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import msgspec

from flows.status import Status
from flows.told import STATUS
from schemas.errors import HeadraceError, UsageError
from schemas.settings import Settings

PATIENCE_S: Final = 10.0
EVERYWHERE: Final = ("0.0.0.0", "::", "")
"""Addresses that a page listens on, but under which nobody finds it."""


def place(settings: Settings) -> str:
    """Where the page of the flow with these settings is; raises `UsageError` if it has none."""
    if not settings.metrics.port:
        raise UsageError(
            "metrics.port is 0, so flows have no page that tells their status: set it (HEADRACE_METRICS__PORT=9100), "
            "start the flow again, or name a page with --url http://host:port"
        )
    host = "127.0.0.1" if settings.metrics.host in EVERYWHERE else settings.metrics.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.metrics.port}"


def ask(url: str) -> Status:
    """The status of the process whose page is at `url`; raises `HeadraceError` when it does not answer with one."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is not a page of a flow: give --url http://host:port")
    try:
        with urlopen(f"{parts.scheme}://{parts.netloc}{STATUS}", timeout=PATIENCE_S) as response:
            return msgspec.json.decode(response.read(), type=Status)
    except HTTPError as error:
        raise HeadraceError(
            f"{url} answers, but has no status (HTTP {error.code}): is it the page of a flow?"
        ) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise HeadraceError(
            f"no flow answers at {url} ({_gist(reason)}): start it with metrics.port set, or name its page with --url"
        ) from error
    except (json.JSONDecodeError, msgspec.DecodeError) as error:
        raise HeadraceError(
            f"{url} answers something else than the status of a flow of this version ({error})"
        ) from error


def _gist(reason: object) -> str:
    return str(reason.strerror if isinstance(reason, OSError) and reason.strerror else reason)
