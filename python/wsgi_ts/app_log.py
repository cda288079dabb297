"""The handler on `gunicorn.error`: what an app logs there goes into the server's error log.

Apps take it over: `app.logger.handlers = logging.getLogger("gunicorn.error").handlers`. Installed by
log_setup.py on the main thread before the app is imported, used by whatever thread logs. While Node
listens, a record travels to it as a frame; before (the import) and after (atexit), and in children that
the app forks, the handler writes the line itself. It must never hand back what came from Node.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import time
from typing import TYPE_CHECKING

from . import frame

if TYPE_CHECKING:
    from .channel import Channel

ERROR_LOGGER = "gunicorn.error"
ACCESS_LOGGER = "gunicorn.access"

LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
"""Python's numbers, by number as in a frame."""

_NAMES = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_LONGEST = 64 * 1024
"""Characters of one log entry: a longer one would hold up everything else on the channel."""

_HOSTILE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""As src/log/escape.ts has it."""

_STANDARD_ERROR = "-"


def level_number(levelno: int) -> int:
    """Return the number in a frame for a level of `logging`, which may lie between two of ours."""
    return max(0, min(len(LEVELS) - 1, levelno // 10 - 1))


def shorten(text: str) -> str:
    """Cut off what is too long for one entry, and say so."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text) - _LONGEST} characters left out)"


class ErrorLogHandler(logging.Handler):
    """Writes records into the error log, each with its own level."""

    def __init__(self, path: str, form: str) -> None:
        """`path`: the error log, "-" for standard error; `form`: "text" or "json"."""
        super().__init__()
        self._path = path
        self._json = form == "json"
        self._message = logging.Formatter("%(message)s")
        self.formatter = self._message
        self._channels: list[Channel] = []
        self._silent: set[int] = set()

    def attach(self, channel: Channel) -> None:
        """Send records down `channel` from now on, until it is closed."""
        self._channels = [
            channel,
            *(other for other in self._channels if not other.closed),
        ]

    def ignore_this_thread(self) -> None:
        """Take nothing from the calling thread: what it logs has come from Node."""
        self._silent.add(threading.get_ident())

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if threading.get_ident() in self._silent:
            return
        try:
            text = shorten(self.format(record))
            # Somebody's own formatter makes whole lines: ours adds nothing to them.
            whole = self.formatter is not None and self.formatter is not self._message
            level = level_number(record.levelno)
            channel = next((each for each in self._channels if not each.closed), None)
            if channel is None:
                self._write(text if whole else self._line(record, level, text))
            else:
                number = frame.WHOLE_LINE if whole else level
                channel.send(frame.encode_log(0, number, text, frame.RECORD))
        except Exception:
            self.handleError(record)

    def _line(self, record: logging.LogRecord, level: int, text: str) -> str:
        """As src/log/line-format.ts makes it."""
        if self._json:
            fields: dict[str, object] = {
                "time": rfc3339(record.created),
                "log": "error",
                "level": _NAMES[level].lower(),
                "pid": os.getpid(),
                "message": text,
            }
            return json.dumps(fields, separators=(",", ":"))
        when = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(record.created))
        return f"[{when}] [{os.getpid()}] [{_NAMES[level]}] {escape_controls(text)}"

    def _write(self, line: str) -> None:
        if self._path == _STANDARD_ERROR:
            if sys.__stderr__ is not None:
                sys.__stderr__.write(line + "\n")
                sys.__stderr__.flush()
            return
        # Opened for each line: it may be renamed at any time.
        with open(self._path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line + "\n")


def rfc3339(seconds: float) -> str:
    """Return a time as `2019-12-04T15:58:37.123456+00:00`, local with its offset."""
    local = time.localtime(seconds)
    offset = time.strftime("%z", local)
    micros = int(seconds % 1 * 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', local)}.{micros:06d}{offset[:3]}:{offset[3:5]}"


def escape_controls(text: str) -> str:
    """Make `text` harmless to a terminal, as src/log/escape.ts does."""
    return _HOSTILE.sub(_escaped, text.replace("\r\n", "\n"))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"  # noqa: PLR2004


_handler: ErrorLogHandler | None = None


def install(path: str, form: str, level: int) -> ErrorLogHandler:
    """Put the handler on `gunicorn.error`, in place of an earlier one; return it."""
    global _handler  # noqa: PLW0603
    logger = logging.getLogger(ERROR_LOGGER)
    if _handler is not None:
        logger.removeHandler(_handler)
    _handler = ErrorLogHandler(path, form)
    logger.addHandler(_handler)
    logger.propagate = False
    logger.setLevel(level)
    return _handler


def attach(channel: Channel) -> None:
    """Have the handler, where there is one, send its records down `channel`."""
    if _handler is not None:
        _handler.attach(channel)


def ignore_this_thread() -> None:
    """Have the handler take nothing from the calling thread."""
    if _handler is not None:
        _handler.ignore_this_thread()
