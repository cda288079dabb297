"""What can go wrong while a request is in the app, and how it is told.

Used by gateway.py, threads.py and control.py. The person's own frames are all that a traceback shows: the
server's own, which call the app, say nothing about what is wrong.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback

from .tracebacks import own_traceback

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class ProtocolError(Exception):
    """The app broke a rule of PEP 3333; the message says which, there is no traceback to show."""


class HookFault(Exception):
    """A hook of the settings file raised; the message says which and why, with the person's traceback."""


class RequestTimeout(BaseException):
    """Raised inside an app's thread whose request took longer than `--timeout`.

    Not an Exception, so that an app's `except Exception` lets it through.
    """


def describe_exception(error: BaseException) -> str:
    """Return what the log says of an app's exception: its traceback, without the server's frames."""
    if isinstance(error, (ProtocolError, HookFault)):
        return str(error)
    return "unhandled exception in the app\n" + own_traceback(error)


def describe_stack(ident: int) -> str:
    """Return where the thread `ident` is, without the server's frames; "" if it has ended."""
    # A collection inside _current_frames() may free a thread-local, which waits for a lock that
    # _current_frames() holds, with the GIL: the process would hang.
    collecting = gc.isenabled()
    gc.disable()
    try:
        frame = sys._current_frames().get(ident)
    finally:
        if collecting:
            gc.enable()
    if frame is None:
        return ""
    stack = list(traceback.extract_stack(frame))
    ours = [entry.filename.startswith(_PACKAGE) for entry in stack]
    if True in ours:  # what is before our first frame is how the thread was started
        stack = stack[ours.index(True) :]
    theirs = [entry for entry in stack if not entry.filename.startswith(_PACKAGE)]
    return "".join(traceback.format_list(theirs)).rstrip("\n")
