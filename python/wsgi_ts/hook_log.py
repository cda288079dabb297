"""`server.log` and `worker.log`: what a hook says becomes entries of the error log.

One for each process, made by hooks.py (master) or worker_hooks.py (worker), and used on whatever
thread the person's code runs. The log itself is Node's: lines wait here until Node asks for them
(`take`), or go to it as frames once there is a channel (`attach`). Must never block.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Tuple

from . import frame
from .absent import Described
from .tracebacks import own_traceback

if TYPE_CHECKING:
    from .channel import Channel

Line = Tuple[str, str]
"""Level and text."""

_LEVELS = ("debug", "info", "warning", "error", "critical")
"""By number as in a LOG frame; a tenth of Python's number, less one."""

_WAITING_AT_MOST = 10_000
"""Lines that wait for Node; the oldest are dropped, so that nothing fills the memory."""

_LONGEST = 64 * 1024
"""Characters of one entry: a longer one would hold up everything else on the channel."""


_STDERR = 2

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Log(Described):
    """gunicorn's logger, as far as hooks use it: %-arguments, `exc_info`; `extra` is ignored."""

    _title = "log"
    _absent: ClassVar[Mapping[str, str]] = {
        "error_log": "the log is Node's, there is no logging.Logger behind it; call log.info(…) itself",
        "access_log": "the access log is Node's; --access-logformat says what is in it",
        "access": "the access log is Node's; --access-logformat says what is in it",
        "setup": "the log is Node's, and set up by settings",
    }

    def __init__(self) -> None:
        """Keep lines until somebody takes them."""
        self._waiting: deque[Line] = deque(maxlen=_WAITING_AT_MOST)
        self._channel: Channel | None = None
        self._pid = os.getpid()
        self._file: int | None = None
        self._threshold = 0

    def attach(self, channel: Channel) -> None:
        """Send lines down `channel` from now on, those that wait first, until it is closed."""
        self._channel = channel
        for level, text in self.take():
            self._put(level, text)

    def write_to(self, file: str, threshold: str) -> None:
        """Write entries of level `threshold` and above straight to `file` ("-": stderr) from now on.

        For the last words of a worker whose event loop hangs.
        """
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._file = _STDERR if file == "-" else os.open(file, flags, 0o666)
            self._threshold = _LEVELS.index(threshold) if threshold in _LEVELS else 0

    def take(self) -> list[Line]:
        """Return the lines that wait."""
        lines: list[Line] = []
        while self._waiting:
            lines.append(self._waiting.popleft())
        return lines

    def debug(self, msg: object, *args: object, **kwargs: object) -> None:
        """Write an entry of this level."""
        self._log("debug", msg, args, kwargs)

    def info(self, msg: object, *args: object, **kwargs: object) -> None:
        """Write an entry of this level."""
        self._log("info", msg, args, kwargs)

    def warning(self, msg: object, *args: object, **kwargs: object) -> None:
        """Write an entry of this level."""
        self._log("warning", msg, args, kwargs)

    def error(self, msg: object, *args: object, **kwargs: object) -> None:
        """Write an entry of this level."""
        self._log("error", msg, args, kwargs)

    def critical(self, msg: object, *args: object, **kwargs: object) -> None:
        """Write an entry of this level."""
        self._log("critical", msg, args, kwargs)

    def exception(self, msg: object, *args: object, **kwargs: object) -> None:
        """Write an error with the traceback of the exception that is being handled."""
        self._log("error", msg, args, {"exc_info": True, **kwargs})

    def log(self, lvl: int | str, msg: object, *args: object, **kwargs: object) -> None:
        """Write an entry of a level of `logging`: its number, or its name."""
        number = lvl if isinstance(lvl, int) else getattr(logging, str(lvl).upper(), logging.INFO)
        self._log(_LEVELS[max(0, min(4, number // 10 - 1))], msg, args, kwargs)

    def _log(
        self, level: str, msg: object, args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> None:
        text = _format(msg, args)
        error = _exception(kwargs.get("exc_info"))
        if error is not None:
            text += "\n" + own_traceback(error)
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST} characters left out)"
        self._put(level, text)

    def _put(self, level: str, text: str) -> None:
        channel = self._channel
        if os.getpid() != self._pid:  # a child process that the person's code forked
            sys.stderr.write(text + "\n")
        elif self._file is not None:
            if _LEVELS.index(level) >= self._threshold:
                now = time.strftime("%Y-%m-%d %H:%M:%S %z")
                entry = f"[{now}] [{self._pid}] [{level.upper()}] {_escape(text)}\n"
                os.write(self._file, entry.encode("utf-8", "backslashreplace"))
        elif channel is None or channel.closed:
            self._waiting.append((level, text))
        else:
            channel.send(frame.encode_log(0, _LEVELS.index(level), text))


def _escape(text: str) -> str:
    """Escape control characters but line feeds and tabs, as src/log/escape.ts does."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def _format(msg: object, args: tuple[object, ...]) -> str:
    """As `logging` does it; arguments that don't fit are shown instead of raising into the hook."""
    text = str(msg)
    if not args:
        return text
    # logging's own rule: one mapping fills %(name)s.
    values = args[0] if len(args) == 1 and isinstance(args[0], Mapping) and args[0] else args
    try:
        return text % values
    except Exception:
        return f"{text} {args!r}"


def _exception(given: object) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    found = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given else None
    return found if isinstance(found, BaseException) else None
