"""Python's standard output and error, and C's: complete, in order, at once.

Installed by boot.py on the main thread, written to by every thread. Node makes a pipe on fd 1 or 2
non-blocking once it has touched it, for everybody who shares the pipe: a `print` of 300 kB would
raise BlockingIOError after 64 kB. These streams wait instead. They must never close the
descriptors.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import TYPE_CHECKING

from . import c_streams

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _PatientWriter(io.RawIOBase):
    """A descriptor that is written to until it takes something, non-blocking or not."""

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self.name = name
        self.mode = "wb"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def write(self, data: ReadableBuffer, /) -> int:
        while True:
            try:
                return os.write(self._fd, data)
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll()


class _PromptBuffer(io.BufferedWriter):
    """`sys.stdout.buffer`: holds nothing back, and writes a block whole before another thread's."""

    def write(self, data: ReadableBuffer, /) -> int:
        count = super().write(data)
        self.flush()
        return count


def install() -> None:
    """Replace `sys.stdout` and `sys.stderr`; make C's stdout line-buffered.

    A stream that is closed (None) stays so. Text is passed on line by line, bytes and
    PYTHONUNBUFFERED's text at once. Children of the app get the streams too.
    """
    for fd in (0, 1, 2):
        with contextlib.suppress(OSError):  # closed
            os.set_inheritable(fd, True)  # Node has made every descriptor close-on-exec
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and not isinstance(stream.buffer, _PromptBuffer):
            stream.flush()
            prompt = _wrap(stream, f"<{name}>")
            setattr(sys, name, prompt)
            setattr(sys, f"__{name}__", prompt)
    c_streams.buffer_lines()


def flush() -> None:
    """Pass on what Python's and C's streams still hold; raises OSError if nobody can take it."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        c_streams.flush()


def _wrap(stream: io.TextIOWrapper, name: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        _PromptBuffer(_PatientWriter(stream.fileno(), name)),
        encoding=stream.encoding,
        errors=stream.errors,
        newline="\n",
        line_buffering=True,
        write_through=stream.write_through,
    )
