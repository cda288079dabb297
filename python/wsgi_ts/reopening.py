"""SIGUSR1: log files were renamed, and whatever Python has open of them is to be opened anew.

Called through entry.py in the master, and in a worker on a short-lived thread that the control thread starts
(control.py): a handler may be held up by a slow disk. Also `--capture-output`: standard output and
error become the error log.
"""

from __future__ import annotations

import contextlib
import os
import sys

_captured_by: str | None = None


def capture_output(path: str) -> None:
    """Make descriptors 1 and 2 the file `path`. Raises OSError."""
    global _captured_by  # noqa: PLW0603
    _captured_by = os.path.abspath(path)
    _redirect()


def remember_capture(path: str) -> None:
    """Note that descriptors 1 and 2 are the file `path` already: a worker inherits them."""
    global _captured_by  # noqa: PLW0603
    _captured_by = os.path.abspath(path)


def reopen() -> None:
    """Open everything anew; what can't be opened stays as it is."""
    from . import boot, log_setup  # noqa: PLC0415

    boot.report_crashes_anew()
    with contextlib.suppress(OSError):
        _redirect()
    log_setup.reopen_files()


def _redirect() -> None:
    if _captured_by is None:
        return
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    fd = os.open(_captured_by, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        for target in (1, 2):
            os.dup2(fd, target, inheritable=True)
    finally:
        os.close(fd)
