"""Bytes to frames and back, on one of the two sockets that lead to Node's event loop.

Called by the pool's threads (requests in, responses out) and by the control thread. Answers may be held
back for a moment so that several share one write and one wake-up of the event loop; whoever holds one
sees to it that it is flushed (threads.py says when). Must never know what a frame means.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

from . import fork
from .frame import Frame, decode_frames

_HELD_AT_MOST = 8
"""Frames that share one write."""

_HELD_FOR = 0.0005
"""Seconds that the oldest held frame may wait for others, those included that it took to make."""

_READ_AT_MOST = 65536


class Channel:
    """One end of a socket pair. `receive` is for one thread at a time, everything else for any."""

    __slots__ = ("__weakref__", "_held", "_held_since", "_rest", "_sending", "_socket", "closed")

    def __init__(self, sock: socket.socket) -> None:
        """Take over `sock`, a connected, blocking stream socket."""
        sock.settimeout(None)  # whatever the app made the default (socket.setdefaulttimeout)
        fork.close_in_child(sock.fileno())
        fork.tell_in_child(self)
        self._socket = sock
        self._rest = b""
        self.closed = False
        self._held: list[bytes] = []
        self._held_since = 0.0
        self._sending = threading.Lock()

    def receive(self) -> list[Frame] | None:
        """Wait for bytes and return the frames that are whole now; None: the other end is closed.

        Raises TimeoutError where a timeout was set (`wait_at_most`) and has passed.
        """
        try:
            data = b"" if self.closed else self._socket.recv(_READ_AT_MOST)
        except socket.timeout as error:  # another name of TimeoutError only from Python 3.10 on
            raise TimeoutError from error
        except ConnectionResetError:  # closed with something of ours unread
            return None
        if not data:
            return None
        frames, self._rest = decode_frames(self._rest + data if self._rest else data)
        return frames

    def wait_at_most(self, seconds: float | None) -> None:
        """Bound the time that `receive` waits; None: it waits for ever."""
        self._socket.settimeout(seconds)

    def hold(self, frame: bytes, since: float) -> None:
        """Send `frame` soon, perhaps with others, unless it took long to make: the next one would, too.

        `since` is when it was begun, by `time.monotonic()`.
        """
        now = time.monotonic()
        held = self._held
        if not held:
            self._held_since = since
        held.append(frame)
        if len(held) >= _HELD_AT_MOST or now - self._held_since > _HELD_FOR:
            self.flush()

    def send(self, frame: bytes) -> None:
        """Send `frame` now, behind those that are held."""
        self._held.append(frame)
        self.flush()

    def flush(self) -> None:
        """Send what is held."""
        held = self._held
        if not held:
            return
        with self._sending:
            # Other threads append to this very list meanwhile: take a prefix, never the list.
            count = len(held)
            data = held[0] if count == 1 else b"".join(held[:count])
            del held[:count]
            if data and not self.closed:
                self._socket.sendall(data)

    def end(self) -> None:
        """Let a waiting `receive` return None; sending goes on."""
        self._socket.shutdown(socket.SHUT_RD)

    def after_fork(self) -> None:
        """In a child process: the socket is closed, and its number may be somebody else's."""
        self.closed = True
        self._sending = threading.Lock()
        self._held.clear()

    def close(self, last: bytes = b"") -> None:
        """Send what is held, and `last` behind it; then close the socket.

        What is sent from now on, by a thread that was stuck, goes nowhere. Whoever has read `last`
        finds the channel closed.
        """
        with self._sending:
            self.closed = True
            data = b"".join(self._held) + last
            self._held.clear()
            with contextlib.suppress(OSError):  # Node is gone
                self._socket.sendall(data)
            fork.forget(os.fstat(self._socket.fileno()).st_ino)
            self._socket.close()
