"""Puts one server together: sockets to Node, gateway, pool, control thread.

`start` is called by boot.py once the app is loaded, on the main thread (Node's event loop); from then on
that thread never needs the GIL again. Must never import the app.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import app_log, file_wrapper, fork
from .channel import Channel
from .control import Controller
from .environ import Environ
from .error_stream import ErrorStream
from .file_wrapper import FileWrapper
from .gateway import Gateway, WSGIApp
from .threads import ThreadPool

if TYPE_CHECKING:
    from .worker_hooks import WorkerHooks


def start(
    app: WSGIApp, options: Mapping[str, Any], hooks: WorkerHooks | None = None
) -> dict[str, int]:
    """Start serving `app`; return `{"request_fd": …, "control_fd": …}`, descriptors that Node takes over.

    `options`: `threads` (int), `multiprocess` (bool), `software` (str, for SERVER_SOFTWARE), `server_header`
    (str, or None for none), `sendfile` (bool, default True: files may be sent from their descriptors).
    `hooks`: those of the settings file.
    """
    file_wrapper.by_descriptor = bool(options.get("sendfile", True))
    request_socket, request_fd = _socket_pair()
    control_socket, control_fd = _socket_pair()
    channel = Channel(request_socket)
    threads: int = options["threads"]

    def log(request: str, level: int, text: str) -> None:
        gateway.log_errors(request, level, text)

    base: Environ = {
        "SERVER_SOFTWARE": options["software"],
        "wsgi.version": (1, 0),
        "wsgi.errors": ErrorStream(log),
        "wsgi.multithread": threads > 1,
        "wsgi.multiprocess": bool(options["multiprocess"]),
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
    }
    on_request = None if hooks is None else hooks.serving(channel)
    gateway = Gateway(app, base, channel, options["server_header"], on_request)
    pool = ThreadPool(channel, gateway, threads)
    controller = Controller(Channel(control_socket), channel, gateway, pool)
    app_log.attach(channel)
    pool.start()
    threading.Thread(target=controller.run, name="wsgi-ts control", daemon=True).start()
    return {"request_fd": request_fd, "control_fd": control_fd}


def _socket_pair() -> tuple[socket.socket, int]:
    """Return our end, and the number of Node's."""
    ours, nodes = socket.socketpair()
    fork.close_in_child(nodes.fileno())
    return ours, nodes.detach()
