"""Whose signals are whose: Node's stay Node's, the app's are the app's in its children.

Used by boot.py on the main thread. Python's `signal` module can neither see nor set a handler of
Node's: `getsignal` gives None for one that was there before Python, and is wrong about later ones.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

try:
    import ctypes

    _libc: ctypes.CDLL | None = ctypes.CDLL(None)
except (ImportError, OSError):  # no libffi
    _libc = None

_SIGACTION_SIZE = 512
"""Bytes; more than any platform's `struct sigaction` takes (152 on Linux)."""

_CRASHES = frozenset((signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT, signal.SIGBUS, signal.SIGILL))
"""faulthandler's, which the `signal` module knows nothing of either."""

_registered = False


def give_back_interrupt() -> None:
    """Undo what Python does to SIGINT when it starts and nobody else handles it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Put back, at the end, every handler of Node's that Python code has replaced meanwhile."""
    saved = {}
    if _libc is not None:
        for number in signal.valid_signals():
            if signal.getsignal(number) is None:
                saved[number] = ctypes.create_string_buffer(_SIGACTION_SIZE)
                _libc.sigaction(int(number), None, saved[number])
    try:
        yield
    finally:
        for number, action in saved.items():
            if _libc is not None and signal.getsignal(number) is not None:
                _libc.sigaction(int(number), action, None)


def reset_in_children() -> None:
    """Give processes that the app forks the app's handlers, or none, instead of Node's.

    Node's write into a pipe that its event loop reads, and which a forked child shares: a SIGTERM
    to the child (`Pool.terminate`) would stop the worker.
    """
    global _registered  # noqa: PLW0603
    if not _registered:
        _registered = True
        os.register_at_fork(after_in_child=_reset)


def _reset() -> None:
    for number in signal.valid_signals() - _CRASHES:
        handler = signal.getsignal(number)
        with contextlib.suppress(OSError):  # SIGKILL, SIGSTOP
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
