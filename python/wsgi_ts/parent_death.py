"""A worker that imports its app hears nothing: the kernel ends it when its master dies (Linux, prctl(2)).

Used by boot.py on the main thread, around the loading of the app in a worker. Afterwards the event loop
hears of the master's death by itself, and requests may end in peace.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

_SET_PDEATHSIG = 1
"""PR_SET_PDEATHSIG"""


@contextlib.contextmanager
def followed() -> Iterator[None]:
    """End this process by SIGKILL when its parent dies meanwhile; does nothing on other systems."""
    parent = os.getppid()
    if not _set(signal.SIGKILL):
        yield
        return
    if os.getppid() != parent:  # it died in between
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        yield
    finally:
        _set(0)


def _set(number: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes  # noqa: PLC0415

        return bool(ctypes.CDLL(None).prctl(_SET_PDEATHSIG, int(number), 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False
