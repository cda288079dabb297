"""How many connections wait to be accepted: the metric `gunicorn.backlog`.

Called through entry.py by the master, once a second where --enable-backlog-metric is set. Linux alone
tells it, and of TCP alone: in TCP_INFO of a listening socket, `tcpi_unacked` is the queue's length.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys

from . import sockets

_TCP_INFO_SIZE = 104
_UNACKED = struct.Struct("=8x4I1I")
"""linux/tcp.h: eight bytes, four numbers, then `tcpi_unacked`."""


def waiting() -> int | None:
    """Return the sum over all listening TCP sockets; None where that can't be known."""
    if not sys.platform.startswith("linux"):
        return None
    total = None
    for sock in sockets.listening():
        if sock.family == socket.AF_UNIX:
            continue
        with contextlib.suppress(OSError, struct.error):
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
            total = (total or 0) + int(_UNACKED.unpack_from(info)[-1])
    return total
