"""`wsgi.errors`: what an app writes there becomes entries of the error log, with the request they belong to.

One for each server, shared by all its threads (PEP 3333: "a text mode file"). Whole lines are passed on at
once; the rest of a line waits for its end, for `flush`, or for the end of the request.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable

from . import frame

_OF_FLASK = re.compile(r"(?:\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] )?([A-Z]+) in [\w.-]+: ")
"""How an entry of `app.logger` begins, in Flask's own form: a time, mostly, then `ERROR in module: `."""

_LEVELS = {"DEBUG": 0, "INFO": 1, "WARNING": 2, "ERROR": 3, "CRITICAL": 4}


class Pending:
    """What one thread writes, and the request that it belongs to."""

    head = ""
    """The head of the request that the thread is at work on; "" for none."""
    exchange = 0
    """The number of its exchange; 0: none."""
    text = ""
    """The line that is not ended yet."""


class _Pending(threading.local):
    def __init__(self) -> None:
        self.here = Pending()


class ErrorStream:
    """A write-only text stream."""

    def __init__(self, log: Callable[[str, int, str], None]) -> None:
        """Call `log` with a request's head ("": none), a level and text without its last line feed."""
        self._log = log
        self._pending = _Pending()

    @property
    def pending(self) -> Pending:
        """What the calling thread writes: its own for as long as it lives."""
        return self._pending.here

    def write(self, text: str) -> int:
        """Write `text`; raises TypeError if it isn't str."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        pending = self._pending.here
        lines, newline, rest = (pending.text + text).rpartition("\n")
        pending.text = rest
        if newline:
            self._log(pending.head, *judge(lines))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of `lines`."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Pass on the line that is not ended yet."""
        pending = self._pending.here
        if pending.text:
            text, pending.text = pending.text, ""
            self._log(pending.head, *judge(text))

    def isatty(self) -> bool:
        """Return False: it is a log."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True


def judge(text: str) -> tuple[int, str]:
    """Return the level of an entry (that of a frame), and what of it is to be logged.

    Flask's logger writes here by default: its entries say their own level, and have a time that the
    log has too. Everything else is an error (PEP 3333: the stream is for errors).
    """
    match = _OF_FLASK.match(text)
    if match is None or match.group(1) not in _LEVELS:
        return frame.ERROR, text
    return _LEVELS[match.group(1)], text[match.start(1) :]
