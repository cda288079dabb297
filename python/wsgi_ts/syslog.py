"""A handler for syslog that lives with an unreachable daemon: it tries again, and says once what was lost.

Made by log_setup.py, used by the log thread (log_thread.py) and by whatever thread of the app logs to
`gunicorn.error`. Lines are RFC 3164's, without time and host, as gunicorn's (logging.SysLogHandler) are;
but a stream's lines end in a line feed, and a datagram's in nothing, where that has a NUL.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Sequence

FACILITIES = {
    **{"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "security": 4, "syslog": 5},
    **{"lpr": 6, "news": 7, "uucp": 8, "cron": 9, "authpriv": 10, "ftp": 11},
    **{f"local{number}": 16 + number for number in range(8)},
}

_SEVERITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
_DEBUG = 7

_PATIENCE = 5.0
"""Seconds that a connection, or a stream's buffer, is waited for."""

_RETRY_AFTER = 1.0
"""Seconds between attempts to connect."""

_CUT = 8000
"""Bytes that are sent of a line that is too long for a datagram."""


class SyslogHandler(logging.Handler):
    """Sends records to one address."""

    def __init__(self, family: str, address: tuple[str, int] | str, facility: str) -> None:
        """`family`: "udp", "tcp" or "unix"; in the last case `address` is a path."""
        super().__init__()
        self._family = family
        self._address = address
        self._facility = FACILITIES[facility]
        self._socket: socket.socket | None = None
        self._stream = False
        self._process = os.getpid()
        self._tried_at = -_RETRY_AFTER
        self._lost = 0
        self.complain: Callable[[str], None] = _print

    def connect(self) -> None:
        """Connect now; raises OSError where that fails."""
        self._close()
        self._tried_at = time.monotonic()
        problem: OSError | None = None
        for kind, address, family in self._candidates():
            sock = socket.socket(family, kind)
            try:
                sock.settimeout(_PATIENCE)
                sock.connect(address)
            except OSError as error:
                sock.close()
                problem = error
                continue
            self._socket, self._stream = sock, kind == socket.SOCK_STREAM
            self._process = os.getpid()
            return
        raise problem or OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, or count it as lost."""
        try:
            data = self._encode(record)
        except Exception:
            self.handleError(record)
            return
        try:
            self._send(data)
        except OSError as error:
            self._close()
            self._lost += 1
            if self._lost == 1:
                self.complain(f"syslog at {self.where()} can't be reached, lines are lost: {error}")
        else:
            if self._lost:
                lost, self._lost = self._lost, 0
                self.complain(
                    f"syslog at {self.where()} is reached again; lines that were lost: {lost}"
                )

    def close(self) -> None:
        """Close the socket; a record that still comes (logging.shutdown was early) opens it anew."""
        self.acquire()
        try:
            self._close()
            self._tried_at = -_RETRY_AFTER
        finally:
            self.release()
        super().close()

    def _encode(self, record: logging.LogRecord) -> bytes:
        severity = next((its for least, its in _SEVERITIES if record.levelno >= least), _DEBUG)
        text = f"<{self._facility << 3 | severity}>{self.format(record)}"
        return text.encode("utf-8", "backslashreplace")

    def _send(self, data: bytes) -> None:
        if self._socket is None or self._process != os.getpid():
            if time.monotonic() - self._tried_at < _RETRY_AFTER:
                raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
            self.connect()
        try:
            self._put(data)
        except (ConnectionError, FileNotFoundError):  # the daemon was started anew
            self.connect()
            self._put(data)

    def _put(self, data: bytes) -> None:
        sock = self._socket
        if sock is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        if self._stream:
            sock.sendall(data.replace(b"\n", b"\\n") + b"\n")
            return
        try:
            sock.send(data)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            sock.send(data[:_CUT].decode("utf-8", "ignore").encode() + b"...")

    def _candidates(self) -> Sequence[tuple[int, tuple[str, int] | str, int]]:
        if isinstance(self._address, str):
            kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
            return [(kind, self._address, socket.AF_UNIX) for kind in kinds]
        kind = socket.SOCK_DGRAM if self._family == "udp" else socket.SOCK_STREAM
        host, port = self._address
        found = socket.getaddrinfo(host, port, type=kind)
        # IPv4 first: a daemon that listens at 127.0.0.1 is what `localhost` most often means.
        found.sort(key=lambda entry: entry[0] != socket.AF_INET)
        return [(kind, target, family) for family, _, _, _, target in found]  # type: ignore[misc]

    def where(self) -> str:
        """Return the address as the setting has it."""
        if isinstance(self._address, str):
            return f"unix://{self._address}"
        return f"{self._family}://{self._address[0]}:{self._address[1]}"

    def _close(self) -> None:
        sock, self._socket = self._socket, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()


def _print(text: str) -> None:
    if sys.__stderr__ is not None:
        sys.__stderr__.write(text + "\n")
