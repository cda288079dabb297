"""The few functions of C's library that Python doesn't offer, through ctypes where it can be had.

Used by output.py and boot.py on the main thread. Without ctypes (a Python built without libffi)
each of these does nothing, and things are as in any other program that embeds Python.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

try:
    import ctypes

    _libc: ctypes.CDLL | None = ctypes.CDLL(None)
except (ImportError, OSError):
    _libc = None

_SIGACTION_SIZE = 512
"""Bytes; more than any platform's `struct sigaction` takes (152 on Linux)."""


def buffer_lines() -> None:
    """Make C's stdout pass on each line at once, as Python's does, so that their order holds."""
    stdout = _stream("stdout")
    if _libc is not None and stdout is not None:
        _libc.setlinebuf(stdout)


def flush() -> None:
    """Pass on what C's stdout and stderr hold.

    Not `fflush(NULL)`: it would wait for a thread that reads C's stdin.
    """
    for name in ("stdout", "stderr"):
        stream = _stream(name)
        if _libc is not None and stream is not None:
            _libc.fflush(stream)


@contextlib.contextmanager
def kept_signal_handlers() -> Iterator[None]:
    """Put back, at the end, every signal handler of Node's that Python code has replaced meanwhile.

    A handler that isn't Python's is None to `signal.getsignal`, and can't be set by
    `signal.signal`.
    """
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


def _stream(name: str) -> ctypes.c_void_p | None:
    for symbol in (name, f"__{name}p"):  # Linux, macOS
        try:
            return ctypes.c_void_p.in_dll(_libc, symbol) if _libc is not None else None
        except ValueError:
            continue
    return None
