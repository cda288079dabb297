"""A socket filter that keeps new connections out of a listening TCP socket (Linux).

Used by sockets.py, in the master, when a server stops: what waits in the socket's queue can still be
accepted, and nobody comes after it, so that the queue can be emptied and no connection is reset.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys

_ATTACH_FILTER = getattr(socket, "SO_ATTACH_FILTER", 26)
"""Linux's number, which Python 3.8 has no name for."""

_DROP_SYN = (
    (0x30, 0, 0, 13),  # A = the byte of TCP's flags
    (0x45, 0, 1, 0x02),  # SYN?
    (0x06, 0, 0, 0),  # then take nothing of it,
    (0x06, 0, 0, 0xFFFFFFFF),  # else all
)
"""A classic BPF program (Linux, Documentation/networking/filter): code, jump if true, jump if false, k."""


def attach(sock: socket.socket) -> None:
    """Have `sock` drop each SYN from now on; raises OSError where the system has no such filter."""
    if not sys.platform.startswith("linux"):
        raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in _DROP_SYN)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, header)
