"""The sockets and pipes of the master: Node's `net` can't bind without also accepting.

Called by the master (listeners.ts, output-relay.ts) through `interpreter.call`, on its JS thread.
A listening socket stays in the list here, so that it is not garbage-collected; workers inherit its
descriptor. Nothing here may accept a connection, or block (the master's event loop waits) but for
looking up a host name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from typing import Any, TypedDict


class Address(TypedDict, total=False):
    """Where to listen (`Address` of settings/address.ts); `kind` tells which keys are there."""

    kind: str
    host: str
    port: int
    path: str
    fd: int


class _Listener:
    """A listening socket, and the file to remove with it."""

    def __init__(self, sock: socket.socket, file: str | None = None) -> None:
        self.sock = sock
        self.file = file
        self.identity = _identity(file)


_listeners: list[_Listener] = []


def listen(address: Address, backlog: int, umask: int = 0) -> dict[str, Any]:
    """Open a listening socket, non-blocking and close-on-exec.

    address: `{kind: "tcp", host, port}`, `{kind: "unix", path}` or `{kind: "fd", fd}`; port 0 picks
        a free one, and of a name's addresses the first IPv4 one is taken, as gunicorn does.
    backlog: connections that may wait for a worker; an inherited socket that listens keeps its own.
    umask: bits taken from mode 777 of a unix socket's file.

    Return `{ok: True, fd, address}` with the address really bound, or `{ok: False, code, reason}`:
    code is the errno's name (`EADDRINUSE`), `UNRESOLVED`, `NOT_A_SOCKET`, `NOT_A_STREAM` or
    `UNKNOWN`. No OSError is raised.
    """
    try:
        listener = _open(address, int(backlog), int(umask))
    except _UnusableError as error:
        return _failure(error.code, str(error))
    except socket.gaierror as error:
        return _failure("UNRESOLVED", error.strerror or str(error))
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "UNKNOWN")
        return _failure(code, error.strerror or str(error))
    _listeners.append(listener)
    return {"ok": True, "fd": listener.sock.fileno(), "address": _bound(listener.sock)}


def close() -> None:
    """Close every listening socket and remove its file, unless another server has its own there."""
    while _listeners:
        listener = _listeners.pop()
        with contextlib.suppress(OSError):
            listener.sock.close()
        file = listener.file
        if file is not None and _identity(file) == listener.identity:
            with contextlib.suppress(OSError):
                os.unlink(file)


def listening() -> list[socket.socket]:
    """Return the sockets that listen now."""
    return [listener.sock for listener in _listeners]


def pipe() -> list[int]:
    """Make a pipe: `[read_fd, write_fd]`, blocking and close-on-exec; the caller closes both.

    A worker gets the write end as its fd 1 or 2. It must be a pipe and not the socket pair that
    Node would make: a socket can't be opened as /dev/stdout, and Node's end would not block.
    """
    return list(os.pipe())


class _UnusableError(Exception):
    """What is there can't be listened on, for a reason that has no errno of its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _open(address: Address, backlog: int, umask: int) -> _Listener:
    if address["kind"] == "fd":
        return _adopt(int(address["fd"]), backlog)
    if address["kind"] == "unix":
        return _listen_unix(address["path"], backlog, umask)
    return _listen_tcp(address["host"], int(address["port"]), backlog)


def _listen_tcp(host: str, port: int, backlog: int) -> _Listener:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, target = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A restart must not wait for the TIME_WAIT of the last run's connections.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(target)
        _start(sock, backlog)
    except OSError:
        sock.close()
        raise
    return _Listener(sock)


def _listen_unix(path: str, backlog: int, umask: int) -> _Listener:
    abstract = path.startswith("\0")
    if not abstract:
        _make_room(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        # Nobody can connect before listen(), so the mode may be set in between, and without the
        # umask of the process, which Node's threads share.
        if not abstract:
            os.chmod(path, 0o777 & ~umask)
        _start(sock, backlog)
    except OSError:
        sock.close()
        raise
    return _Listener(sock, None if abstract else os.path.abspath(path))


def _make_room(path: str) -> None:
    """Remove the socket that a server which is gone has left at `path`."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise _UnusableError("NOT_A_SOCKET", f"{path} exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        answer = probe.connect_ex(path)
    if answer == errno.ECONNREFUSED:
        os.unlink(path)
    elif answer in (errno.EACCES, errno.EPERM):
        raise OSError(answer, os.strerror(answer))
    elif answer != errno.ENOENT:  # 0, EAGAIN (its queue is full), EPROTOTYPE: somebody is there
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _adopt(fd: int, backlog: int) -> _Listener:
    """Take over a socket that the parent (systemd, a supervisor) has left open for us."""
    try:
        sock = socket.socket(fileno=fd)
    except OSError as error:
        if error.errno == errno.ENOTSOCK:
            raise _UnusableError("NOT_A_SOCKET", f"file descriptor {fd} is not a socket") from error
        raise
    try:
        if sock.type != socket.SOCK_STREAM:
            raise _UnusableError("NOT_A_STREAM", f"file descriptor {fd} is not a stream socket")
        sock.set_inheritable(False)
        _start(sock, backlog)
    except (OSError, _UnusableError):
        sock.detach()
        raise
    return _Listener(sock)


def _start(sock: socket.socket, backlog: int) -> None:
    sock.setblocking(False)
    # A second listen() on an inherited socket can be denied (SELinux), and would change its queue.
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.listen(backlog)


def _bound(sock: socket.socket) -> Address:
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        # Linux gives the name of an abstract socket as bytes, with its leading NUL.
        return {"kind": "unix", "path": os.fsdecode(name)}
    return {"kind": "tcp", "host": name[0], "port": name[1]}


def _identity(file: str | None) -> tuple[int, int] | None:
    try:
        status = os.stat(file) if file is not None else None
    except OSError:
        return None
    return None if status is None else (status.st_dev, status.st_ino)


def _failure(code: str, reason: str) -> dict[str, Any]:
    return {"ok": False, "code": code, "reason": reason}
