"""The log thread: hands lines of the server's logs to Python's `logging`, and metrics to a unix socket.

Started by log_setup.py in a worker or the master, where a setting asks for it; it has a socket of its own to
src/bridge/python-log.ts. A handler that takes its time (a slow syslog) holds up this thread and nobody
else. It says how far it has come, so that Node can wait for it at the end. It must never end
because of what a handler raises.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import sys
import threading
import traceback
from typing import Any, Dict, Mapping

from . import app_log, fork, frame
from .app_log import ACCESS_LOGGER, ERROR_LOGGER, LEVELS
from .channel import Channel


class Atoms(Dict[str, Any]):
    """The arguments of an access record: gunicorn's atoms. What is missing is "-"."""

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        """Return an atom; names of fields and of environ keys may be in any case."""
        if not key.startswith("{"):
            return self.get(key, "-")
        lower = key.lower()
        if lower.startswith("{http_") and lower.endswith("}e"):
            lower = "{" + lower[len("{http_") : -len("}e")].replace("_", "-") + "}i"
        return self.get(lower, "-")


class LogThread:
    """What the thread does; `run` is its body."""

    def __init__(self, channel: Channel, access_format: str, statsd: str | None) -> None:
        """Hear `channel`; `statsd` is the path of a unix datagram socket."""
        self._channel = channel
        self._access_format = access_format
        self._statsd = statsd
        self._metrics: socket.socket | None = None
        self._error = logging.getLogger(ERROR_LOGGER)
        self._access = logging.getLogger(ACCESS_LOGGER)

    def run(self) -> None:
        """Do what Node says until it closes its end."""
        app_log.ignore_this_thread()
        while True:
            frames = self._channel.receive()
            if frames is None:
                with contextlib.suppress(OSError):
                    self._channel.close()
                if self._metrics is not None:
                    self._metrics.close()
                return
            for kind, _, payload in frames:
                try:
                    self._handle(kind, payload)
                except Exception:
                    self.complain(traceback.format_exc().rstrip("\n"))
            if frames:
                with contextlib.suppress(OSError):
                    self._channel.send(frame.encode_handled(len(frames)))

    def complain(self, text: str) -> None:
        """Write a warning into the server's own error log."""
        if self._channel.closed:
            if sys.__stderr__ is not None:
                sys.__stderr__.write(text + "\n")
            return
        with contextlib.suppress(OSError):
            self._channel.send(frame.encode_log(0, frame.WARNING, text, frame.RECORD))

    def _handle(self, kind: int, payload: bytes) -> None:
        if kind == frame.ENTRY:
            level, judged, time, text = frame.decode_entry(payload)
            if judged or self._error.isEnabledFor(LEVELS[level]):
                self._error.handle(_record(self._error, LEVELS[level], text, None, time))
        elif kind == frame.ACCESS:
            time, atoms = json.loads(payload)
            if self._access.isEnabledFor(logging.INFO):
                arguments = Atoms(atoms)
                text = self._access_format
                self._access.handle(_record(self._access, logging.INFO, text, arguments, time))
        elif kind == frame.METRICS:
            self._send_metrics(payload)

    def _send_metrics(self, payload: bytes) -> None:
        if self._metrics is None:
            self._metrics = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._metrics.setblocking(False)
        # By path each time: the daemon may have been started anew. Metrics may be lost, as with UDP.
        with contextlib.suppress(OSError):
            self._metrics.sendto(payload, self._statsd or "")


def start(access_format: str, statsd: str | None) -> tuple[int, LogThread]:
    """Start the thread; return Node's end of its socket, and the thread's object."""
    ours, nodes = socket.socketpair()
    fork.close_in_child(nodes.fileno())
    thread = LogThread(Channel(ours), access_format, statsd)
    threading.Thread(target=thread.run, name="wsgi-ts log", daemon=True).start()
    return nodes.detach(), thread


def _record(
    logger: logging.Logger, level: int, text: str, atoms: Mapping[str, Any] | None, time: float
) -> logging.LogRecord:
    arguments: tuple[Any, ...] = () if atoms is None else (atoms,)
    record = logger.makeRecord(logger.name, level, "wsgi-ts", 0, text, arguments, None)
    record.created = time / 1000
    record.msecs = time % 1000
    record.threadName = "MainThread"
    return record
