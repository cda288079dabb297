"""What a child process forked by the app must let go of: the sockets of the server.

A forked child holds copies of every descriptor. With a copy of a listener the port stays taken, and with one
of the bridge's sockets nobody notices the other end's going. Registered once by server.py; runs in the
child, on the thread that forked, before anything else (`os.register_at_fork`).
Sockets are told by inode, since Node closes and reuses descriptor numbers without telling Python.
"""

from __future__ import annotations

import os
import stat

_inodes: set[int] = set()
_registered = False


def close_in_child(fd: int) -> int:
    """Close the socket `fd`, and every duplicate of it, in children to come; return its inode."""
    global _registered  # noqa: PLW0603
    if not _registered:
        _registered = True
        os.register_at_fork(after_in_child=_close_all)
    inode = os.fstat(fd).st_ino
    _inodes.add(inode)
    return inode


def forget(inode: int) -> None:
    """Take back `close_in_child`: the socket is closed, and another one may get its inode."""
    _inodes.discard(inode)


def _close_all() -> None:
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    for name in os.listdir(folder):
        try:
            status = os.fstat(int(name))
            if stat.S_ISSOCK(status.st_mode) and status.st_ino in _inodes:
                os.close(int(name))
        except OSError:  # listdir's own descriptor is among them, and closed by now
            continue
