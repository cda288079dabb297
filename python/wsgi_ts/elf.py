"""Which libraries a compiled file asks for, read from the file (System V ABI, "Dynamic Section").

Called by own_openssl.py before an extension module is loaded. Reads a few kilobytes of one file; a file
that is no ELF of 64 bits, little-endian, asks for nothing. Must never raise.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

_LOAD, _DYNAMIC = 1, 2
_NEEDED, _STRINGS, _RPATH, _RUNPATH = 1, 5, 15, 29
_LONGEST = 4096
_LONGEST_TABLE = 64 * 1024


def read_needed(path: str) -> tuple[list[str], list[str]]:
    """Return the names of the libraries that `path` needs, and the folders where it has them looked for."""
    try:
        with open(path, "rb") as file:
            return _read(file, os.path.dirname(os.path.abspath(path)))
    except (OSError, ValueError, LookupError, OverflowError, StopIteration, struct.error):
        return [], []


def _read(file: BinaryIO, origin: str) -> tuple[list[str], list[str]]:
    head = file.read(64)
    if head[:6] != b"\x7fELF\x02\x01":
        return [], []
    (start,) = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    file.seek(start)
    table = file.read(size * count)
    segments = [struct.unpack_from("<IIQQQQ", table, index * size) for index in range(count)]
    entries: list[tuple[int, int]] = []
    for kind, _, offset, _, _, length in segments:
        if kind == _DYNAMIC:
            file.seek(offset)
            entries += struct.iter_unpack("<QQ", file.read(min(length, _LONGEST_TABLE) // 16 * 16))
    numbers = dict(entries)
    address = numbers[_STRINGS]
    place = next(
        address - start + offset
        for kind, _, offset, start, _, length in segments
        if kind == _LOAD and start <= address < start + length
    )

    def texts(*tags: int) -> list[str]:
        return [_text_at(file, place + value) for tag, value in entries if tag in tags]

    folders = [folder for text in texts(_RUNPATH, _RPATH) for folder in text.split(":") if folder]
    origins = ("$ORIGIN", "${ORIGIN}")
    for name in origins:
        folders = [folder.replace(name, origin) for folder in folders]
    return texts(_NEEDED), folders


def _text_at(file: BinaryIO, place: int) -> str:
    file.seek(place)
    return os.fsdecode(file.read(_LONGEST).split(b"\0", 1)[0])
