"""`wsgi.file_wrapper`: an iterable over a file, which the server may send without Python's help.

Made by the app (PEP 3333, "Optional Platform-Specific File Handling"); gateway.py asks `file_range` whether
what the app returned can be sent straight from its descriptor. Must never move the file's position there.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple

_DEFAULT_BLOCK_SIZE = 65536

by_descriptor = True
"""Whether files may be sent so; server.py sets it once (`--no-sendfile`)."""


class FileWrapper:
    """Iterates over `filelike` in blocks of `block_size` bytes; closes it if it can be closed."""

    def __init__(self, filelike: Any, block_size: int = _DEFAULT_BLOCK_SIZE) -> None:  # noqa: ANN401
        """Wrap `filelike`, an object with `read(size) -> bytes`."""
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        """Return this object."""
        return self

    def __next__(self) -> bytes:
        """Return the next block; raises StopIteration at the end of the file."""
        block: bytes = self.filelike.read(self.block_size)
        if block:
            return block
        raise StopIteration


class FileRange(NamedTuple):
    """What is left to send of a regular file."""

    fd: int
    offset: int
    length: int


def file_range(wrapper: FileWrapper) -> FileRange | None:
    """Return where the bytes are that `wrapper` would yield, or None where only reading it can tell."""
    filelike = _binary_file(wrapper.filelike)
    if filelike is None or not by_descriptor:
        return None
    try:
        fd = filelike.fileno()
        offset = filelike.tell()
        status = os.fstat(fd)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FileRange(fd, offset, max(0, status.st_size - offset))


def _binary_file(filelike: Any) -> Any:  # noqa: ANN401
    """Return the file whose descriptor holds exactly what `filelike.read()` gives, or None.

    A `fileno` alone proves nothing: that of a gzip.GzipFile leads to the compressed bytes. So only
    Python's own binary files count, and wrappers whose `read` is such a file's own (tempfile, Django's File).
    """
    read = getattr(filelike, "read", None)
    read = getattr(read, "__wrapped__", read)  # tempfile's wrapper wraps each method
    candidate = getattr(read, "__self__", None)
    if type(candidate) in (io.BufferedReader, io.BufferedRandom, io.FileIO):
        raw = getattr(candidate, "raw", candidate)
        return candidate if type(raw) is io.FileIO else None
    return None
