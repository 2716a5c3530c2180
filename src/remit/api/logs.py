"""Logs of a server: one JSON object a line, on standard error, with whatever looks like a secret struck out."""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime

import orjson

LEVELS = ("debug", "info", "warning", "error")
LONGEST_MESSAGE = 4_000
_SECRET = re.compile(
    r"rmt_[a-z]_[\w-]+"  # our own keys and tokens
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON web token
    r"|(?i:bearer\s+)\S+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # name and password in a URL
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


def struck(text: str) -> str:
    """Return a text without secrets."""
    return _SECRET.sub("[secret]", text)


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON; what was passed as `extra` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": struck(record.getMessage())[:LONGEST_MESSAGE],
        }
        line |= {
            name: struck(value)[:LONGEST_MESSAGE] if isinstance(value, str) else value
            for name, value in vars(record).items()
            if name not in _STANDARD and isinstance(value, str | int | float | None)
        }
        if record.exc_info:
            line["trace"] = struck(self.formatException(record.exc_info))[-2 * LONGEST_MESSAGE :]
        return orjson.dumps(line).decode()


def log_json(level: str = "INFO") -> None:
    """Have everything this process logs written so."""
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[writer], force=True)
