"""What a flow writes to stderr: lines for people, or one JSON object a line."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final

from schemas.settings import Settings

PLAIN: Final = "%(asctime)s %(levelname)s %(message)s"
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every log record has; whatever else one has was given as `extra`."""


class JsonLines(logging.Formatter):
    """Formats a record as `ts` (UTC), `level`, `logger`, `message`, what is `always` said, and what was given as extra.

    >>> record = logging.makeLogRecord({"levelname": "INFO", "name": "flows", "msg": "on", "created": 0.25, "part": 3})
    >>> JsonLines({"flow": "windows"}).format(record)
    '{"ts":"1970-01-01T00:00:00.250Z","level":"info","logger":"flows","message":"on","flow":"windows","part":3}'
    """

    def __init__(self, always: dict[str, Any]) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        """One object, without line ends in it; a value that JSON can't hold is given as text."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said = {
            "ts": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._always,
            **{name: value for name, value in vars(record).items() if name not in _OWN},
        }
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str, separators=(",", ":"))


def begin(settings: Settings, flow: str, index: int = 0) -> None:
    """Log to stderr from now on, as the settings say; in JSON with the flow and the process in each line."""
    handler = logging.StreamHandler()
    as_json = settings.logging.format == "json"
    handler.setFormatter(JsonLines({"flow": flow, "process": index}) if as_json else logging.Formatter(PLAIN))
    logging.basicConfig(handlers=[handler], level=settings.logging.level.upper())
    logging.captureWarnings(as_json)


def in_json() -> bool:
    """Whether what is logged is JSON."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)


def last_words(sentence: str, error: BaseException | None = None) -> None:
    """Say why the command ends, after the trace of `error` if it is given; in a JSON log as one line of it."""
    if in_json():
        trace = None if error is None else (type(error), error, error.__traceback__)
        logging.getLogger("headrace").error("%s", sentence, exc_info=trace)
        return
    if error is not None:
        traceback.print_exception(error)
    sys.stderr.write(f"headrace: {sentence}\n")
