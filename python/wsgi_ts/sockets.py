"""The sockets, pipes and files in memory of the master: Node's `net` can't bind without also accepting.

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
import tempfile
from typing import Any, TypedDict

from . import syn_filter


class Address(TypedDict, total=False):
    """Where to listen (`Address` of settings/address.ts); `kind` tells which keys are there."""

    kind: str
    host: str
    port: int
    path: str
    fd: int


class _Listener:
    """A listening socket, and the file to remove with it."""

    def __init__(self, sock: socket.socket, file: str | None = None, owned: bool = True) -> None:
        self.sock = sock
        self.file = file
        self.owned = owned
        self.identity = _identity(file)


_listeners: dict[int, _Listener] = {}
"""By descriptor."""


def listen(
    address: Address,
    backlog: int,
    umask: int = 0,
    reuse_port: bool = False,
    owner: list[int] | None = None,
) -> dict[str, Any]:
    """Open a listening socket, non-blocking and close-on-exec.

    address: `{kind: "tcp", host, port}`, `{kind: "unix", path}` or `{kind: "fd", fd}`; port 0 picks
        a free one, and of a name's addresses the first IPv4 one is taken, as gunicorn does.
    backlog: connections that may wait for a worker; an inherited socket that listens keeps its own.
    umask: bits taken from mode 777 of a unix socket's file.
    reuse_port: let other sockets of this user, with the same option, listen on the port too.
    owner: `[uid, gid]` that a unix socket's file is given to.

    Return `{ok: True, fd, address}` with the address really bound, or `{ok: False, code, reason}`:
    code is the errno's name (`EADDRINUSE`), `UNRESOLVED`, `NOT_A_SOCKET`, `NOT_A_STREAM` or
    `UNKNOWN`. No OSError is raised.
    """
    try:
        listener = _open(address, int(backlog), int(umask), reuse_port, owner)
    except _UnusableError as error:
        return _failure(error.code, str(error))
    except socket.gaierror as error:
        return _failure("UNRESOLVED", error.strerror or str(error))
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "UNKNOWN")
        return _failure(code, error.strerror or str(error))
    return _hold(listener)


def inherit(fd: int, owned: bool) -> dict[str, Any]:
    """Take over a listening socket of the master that has started this one (SIGUSR2).

    owned: whether it is the server's own: its file is removed with it then. Return as `listen` does.
    """
    try:
        listener = _adopt(int(fd), 0)
    except (_UnusableError, OSError) as error:
        return _failure("NOT_A_SOCKET", str(error))
    if owned:
        address = _bound(listener.sock)
        path = address.get("path", "")
        file = os.path.abspath(path) if path and not path.startswith("\0") else None
        listener = _Listener(listener.sock, file)
    return _hold(listener)


def seal(fd: int) -> bool:
    """Let no new connection into the queue of a listening socket; what is in it can still be accepted.

    Return whether that could be done: not for a socket that is somebody else's (systemd's), nor where the
    system has no way. A TCP client whose SYN is dropped tries again a second later, and meets the
    next server, or nobody; a Unix one is refused at once.
    """
    listener = _listeners.get(int(fd))
    if listener is None or not listener.owned:
        return False
    try:
        if listener.sock.family == socket.AF_UNIX:
            listener.sock.shutdown(socket.SHUT_RD)
        else:
            syn_filter.attach(listener.sock)
    except OSError:
        return False
    return True


def release(fd: int, remove_file: bool = True) -> None:
    """Close a listening socket, and remove its file unless another server has its own there."""
    listener = _listeners.pop(int(fd), None)
    if listener is None:
        return
    with contextlib.suppress(OSError):
        listener.sock.close()
    file = listener.file
    if remove_file and file is not None and _identity(file) == listener.identity:
        with contextlib.suppress(OSError):
            os.unlink(file)


def close(remove_files: bool = True) -> None:
    """Close every listening socket, as `release` does."""
    for fd in list(_listeners):
        release(fd, remove_files)


def listening() -> list[socket.socket]:
    """Return the sockets that listen now."""
    return [listener.sock for listener in _listeners.values()]


def pipe() -> list[int]:
    """Make a pipe: `[read_fd, write_fd]`, blocking and close-on-exec; the caller closes both.

    A worker gets the write end as its fd 1 or 2. It must be a pipe and not the socket pair that
    Node would make: a socket can't be opened as /dev/stdout, and Node's end would not block.
    """
    return list(os.pipe())


def keep(fd: int) -> None:
    """Keep a descriptor that was inherited from the processes that are started from now on."""
    os.set_inheritable(fd, False)


def memory_file(name: str) -> int:
    """Make a file that is in memory and has no name elsewhere; close-on-exec; the caller closes it."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class _UnusableError(Exception):
    """What is there can't be listened on, for a reason that has no errno of its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _hold(listener: _Listener) -> dict[str, Any]:
    fd = listener.sock.fileno()
    _listeners[fd] = listener
    return {"ok": True, "fd": fd, "address": _bound(listener.sock), "owned": listener.owned}


def _open(
    address: Address, backlog: int, umask: int, reuse_port: bool, owner: list[int] | None
) -> _Listener:
    if address["kind"] == "fd":
        return _adopt(int(address["fd"]), backlog)
    if address["kind"] == "unix":
        return _listen_unix(address["path"], backlog, umask, owner)
    return _listen_tcp(address["host"], int(address["port"]), backlog, reuse_port)


def _listen_tcp(host: str, port: int, backlog: int, reuse_port: bool) -> _Listener:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, target = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A restart must not wait for the TIME_WAIT of the last run's connections.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(target)
        _start(sock, backlog)
    except OSError:
        sock.close()
        raise
    return _Listener(sock)


def _listen_unix(path: str, backlog: int, umask: int, owner: list[int] | None) -> _Listener:
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
            if owner is not None:
                os.chown(path, owner[0], owner[1], follow_symlinks=False)
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
    return _Listener(sock, owned=False)


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
