"""`wsgi.errors`: what an app writes there becomes entries of the error log, with the request they belong to.

One for each server, shared by all its threads (PEP 3333: "a text mode file"). Whole lines are passed on at
once; the rest of a line waits for its end, for `flush`, or for the end of the request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable


class _Pending(threading.local):
    request = ""
    text = ""


class ErrorStream:
    """A write-only text stream."""

    def __init__(self, log: Callable[[str, str], None]) -> None:
        """Call `log` with a request's head ("": none) and text without its last line feed."""
        self._log = log
        self._pending = _Pending()

    def enter(self, request: str) -> None:
        """Say which request this thread's text belongs to from now on: its head, or "" for none."""
        pending = self._pending
        if pending.text:
            self.flush()
        pending.request = request

    def write(self, text: str) -> int:
        """Write `text`; raises TypeError if it isn't str."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        pending = self._pending
        lines, newline, rest = (pending.text + text).rpartition("\n")
        pending.text = rest
        if newline:
            self._log(pending.request, lines)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of `lines`."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Pass on the line that is not ended yet."""
        pending = self._pending
        if pending.text:
            text, pending.text = pending.text, ""
            self._log(pending.request, text)

    def isatty(self) -> bool:
        """Return False: it is a log."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True
