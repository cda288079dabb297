"""A streamed response's way to Node: a socket pair of its own, whose buffer is the back-pressure.

Made by gateway.py on the thread that runs the app; aborted by the control thread. A socket pair and not a
pipe, for one reason: `shutdown` works on the connection, whoever else holds copies of its descriptors. So
neither the end of a response nor a client's going can be hidden by a child process that the app forked.
"""

from __future__ import annotations

import contextlib
import socket

from . import fork


class ClientGone(ConnectionError):
    """The client of a streamed response went away; nothing more can be sent."""


class Stream:
    """The writing end. `node_fd` is the other end, which Node closes."""

    __slots__ = ("_inodes", "_socket", "node_fd")

    def __init__(self) -> None:
        """Make the pair; raises OSError where descriptors have run out."""
        self._socket, node_end = socket.socketpair()
        self._socket.settimeout(None)  # whatever the app made the default
        self._inodes = (
            fork.close_in_child(self._socket.fileno()),
            fork.close_in_child(node_end.fileno()),
        )
        self.node_fd = node_end.detach()

    def write(self, block: bytes) -> None:
        """Hand `block` to the kernel, waiting for the client where its buffer is full.

        Raises ClientGone once nobody reads any more.
        """
        try:
            self._socket.sendall(block)
        except (BrokenPipeError, ConnectionResetError):
            raise ClientGone from None

    def abort(self) -> None:
        """Make a `write` that waits, and all later ones, raise ClientGone (for any thread)."""
        with contextlib.suppress(OSError):  # ended already
            self._socket.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Say that there is no more."""
        self.abort()
        for inode in self._inodes:
            fork.forget(inode)
        self._socket.close()
