"""The streams of C's library, which Python doesn't offer, through ctypes where it can be had.

Used by output.py on the main thread. Without ctypes (a Python built without libffi)
each of these does nothing, and things are as in any other program that embeds Python.
"""

from __future__ import annotations

try:
    import ctypes

    _libc: ctypes.CDLL | None = ctypes.CDLL(None)
except (ImportError, OSError):
    _libc = None


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


def _stream(name: str) -> ctypes.c_void_p | None:
    for symbol in (name, f"__{name}p"):  # Linux, macOS
        try:
            return ctypes.c_void_p.in_dll(_libc, symbol) if _libc is not None else None
        except ValueError:
            continue
    return None
