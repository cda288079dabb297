"""The person's own traceback: what they would see if they ran their code themselves.

Used by loader.py. The frames of wsgi-ts and of Python's import machinery are left out, in the
exception and in all that it was raised from; every other frame stays, in Python's own order and
form.
"""

from __future__ import annotations

import importlib
import os
from traceback import format_exception, format_exception_only
from types import FrameType, TracebackType

from .load_error import PythonFailure

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_IMPORTLIB = importlib.__file__ or ""


def own_traceback(error: BaseException) -> str:
    """Return the traceback of `error` as Python prints it, with no line feed at its end.

    With no frame of theirs left (a syntax error in the app's own file) only the exception itself.
    """
    for part in _chain(error):
        part.__traceback__ = _trim(part.__traceback__)
    lines = format_exception(type(error), error, error.__traceback__)
    return "".join(lines).rstrip("\n")


def as_python(error: BaseException) -> PythonFailure:
    """Return what TypeScript passes on of `error`."""
    kind = type(error)
    prefix = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    try:
        message = str(error)
    except Exception:  # theirs may do anything
        message = ""
    return {
        "type": f"{prefix}{kind.__qualname__}",
        "message": message,
        "traceback": own_traceback(error),
    }


def own_frames(error: BaseException) -> list[FrameType]:
    """Return the person's own frames in the traceback of `error`, the outermost first."""
    return [entry.tb_frame for entry in _own(error.__traceback__)]


def summarize(error: BaseException) -> str:
    """Return `error` in one line: `ValueError: boom`."""
    lines = format_exception_only(type(error), error)
    # A syntax error is told in several lines, the last of which says what; any other in one, or in
    # the lines of its own text, the first of which does.
    line = lines[-1] if isinstance(error, SyntaxError) else lines[0]
    return line.strip().split("\n")[0]


def _chain(error: BaseException) -> list[BaseException]:
    """Return `error`, what it was raised from or during, and what a group holds; each once."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        part = waiting.pop()
        if part is None or any(part is known for known in found):
            continue
        found.append(part)
        waiting += [part.__cause__, part.__context__, *getattr(part, "exceptions", ())]
    return found


def _own(entry: TracebackType | None) -> list[TracebackType]:
    entries = []
    while entry is not None:
        if not _is_machinery(entry.tb_frame.f_code.co_filename):
            entries.append(entry)
        entry = entry.tb_next
    return entries


def _trim(entry: TracebackType | None) -> TracebackType | None:
    trimmed: TracebackType | None = None
    for own in reversed(_own(entry)):
        trimmed = TracebackType(trimmed, own.tb_frame, own.tb_lasti, own.tb_lineno)
    return trimmed


def _is_machinery(filename: str) -> bool:
    return filename.startswith((_PACKAGE, "<frozen importlib")) or filename == _IMPORTLIB
