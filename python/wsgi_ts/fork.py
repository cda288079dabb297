"""What a child process forked by the app must let go of: the sockets of the server.

A forked child holds copies of every descriptor. With a copy of a listener the port stays taken; with one of
the bridge's sockets, or of a client's connection, nobody notices the other end's going. Runs in the child, on
the thread that forked, before anything else (`os.register_at_fork`).
Sockets are told by inode, since Node closes and reuses descriptor numbers without telling Python; clients'
connections, of which Python knows nothing, by having a listener's address.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import weakref
from typing import Any, Protocol

_FIRST_PRIVATE = 3
"""Lower descriptors are the app's standard streams."""

_PORT = 1
"""Index of the port in an internet socket's address."""

_inodes: set[int] = set()
_addresses: set[Any] = set()
_owners: weakref.WeakSet[Forked] = weakref.WeakSet()
_registered = False


def close_in_child(fd: int) -> int:
    """Close the socket `fd`, and every duplicate of it, in children to come; return its inode."""
    global _registered  # noqa: PLW0603
    if not _registered:
        _registered = True
        os.register_at_fork(after_in_child=_close)
    inode = os.fstat(fd).st_ino
    _inodes.add(inode)
    return inode


def close_listener_in_child(fd: int) -> None:
    """Do so with a listening socket and all connections that are accepted from it."""
    close_in_child(fd)
    with _borrowed(fd) as sock:
        _addresses.add(_place(sock))


def close_all_in_child() -> None:
    """Do so with every socket that is open now: in a worker before it loads the app, all are the server's."""
    for fd in _open_sockets():
        if fd >= _FIRST_PRIVATE:
            close_in_child(fd)


class Forked(Protocol):
    """Who is told in a child."""

    def after_fork(self) -> None:
        """Let go of what the child has no right to."""


def tell_in_child(owner: Forked) -> None:
    """Call `owner.after_fork()` in children to come, for as long as the owner lives."""
    _owners.add(owner)


def forget(inode: int) -> None:
    """Take back `close_in_child`: the socket is closed, and another one may get its inode."""
    _inodes.discard(inode)


def _close() -> None:
    for owner in list(_owners):
        owner.after_fork()
    for fd in _open_sockets():
        with contextlib.suppress(OSError):
            if os.fstat(fd).st_ino in _inodes or _is_accepted(fd):
                os.close(fd)


def _is_accepted(fd: int) -> bool:
    if not _addresses:
        return False
    with _borrowed(fd) as sock:
        return _place(sock) in _addresses


@contextlib.contextmanager
def _borrowed(fd: int) -> Any:  # noqa: ANN401
    """Lend `fd` to a socket object, which won't close it."""
    blocking = os.get_blocking(fd)
    sock = socket.socket(fileno=fd)
    try:
        yield sock
    finally:
        sock.detach()
        os.set_blocking(fd, blocking)  # the app's default timeout may have changed it


def _place(sock: socket.socket) -> Any:  # noqa: ANN401
    """Return the local port, or the path of a unix socket: what a connection shares with its listener."""
    name = sock.getsockname()
    return name[_PORT] if isinstance(name, tuple) and len(name) > _PORT else name


def _open_sockets() -> list[int]:
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    found = []
    for name in os.listdir(folder):
        # One of them was listdir's own, and is closed by now.
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                found.append(int(name))
    return found
