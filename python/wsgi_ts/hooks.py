"""The hooks of the settings file in the master: which there are, and each one's moment.

Called by src/master/hooks.ts through entry.py, on the main thread (Node's event loop), which stands
still while a hook runs, as gunicorn's master does. The file has been executed by config_file.py
before. Answers are `{"ok": True}` or `LoadError.as_dict()`; what was logged is asked for by `lines`.
Whatever a hook raises is an answer, never an exception.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import boot, config_file, output, signal_handlers
from .hook_log import Log
from .hook_objects import Config, Listener, Server, Worker
from .hook_table import failure_of, find_hooks, refuse_ssl_context
from .load_error import LoadError

_FAILED = 1
"""Exit code of a server whose hook keeps it from starting; gunicorn's."""


class _Master:
    """One master's hooks and what they get. Outlives a reload."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._log = Log()
        self._hooks = find_hooks(config_file.namespace, facts["location"])
        self._server = Server(Config(facts, self._hooks), self._log, os.getpid())
        self._workers: dict[int, Worker] = {}

    def reconfigure(self, facts: Mapping[str, Any]) -> None:
        hooks = find_hooks(config_file.namespace, facts["location"])
        target = self._server.num_workers
        self._hooks = hooks
        self._server.configure(Config(facts, hooks))
        self._server.num_workers = target  # nworkers_changed says when it is another

    def lines(self) -> list[Any]:
        return list(self._log.take())

    def on_starting(self) -> None:
        self._call("on_starting", self._server)

    def when_ready(self, listeners: Sequence[Mapping[str, Any]]) -> None:
        self._server.LISTENERS = [Listener(each["fd"], each["url"]) for each in listeners]
        self._call("when_ready", self._server)

    def pre_fork(self, age: int) -> None:
        self._server.worker_age = age
        worker = self._workers[age] = Worker(age, self._server)
        try:
            self._call("pre_fork", self._server, worker)
        except LoadError:
            del self._workers[age]
            raise

    def forked(self, age: int, pid: int) -> None:
        """Take note of a worker's process id, which pre_fork could not know. No hook."""
        worker = self._workers[age]
        worker.pid = pid
        self._server.WORKERS[pid] = worker

    def child_exit(self, age: int, code: int | None, signal_name: str | None) -> None:
        worker = self._workers.pop(age, None)
        if worker is None or not isinstance(worker.pid, int):
            return  # it never came to be
        self._server.WORKERS.pop(worker.pid, None)
        worker.stopping()
        # As multiprocessing has it: a signal counts negative.
        worker.exitcode = -signal.Signals[signal_name] if signal_name else code
        self._call("child_exit", self._server, worker)

    def nworkers_changed(self, now: int, before: int | None) -> None:
        self._server.num_workers = now
        self._call("nworkers_changed", self._server, now, before)

    def on_reload(self) -> None:
        self._call("on_reload", self._server)

    def pre_exec(self) -> None:
        self._call("pre_exec", self._server)

    def on_exit(self) -> None:
        self._server.LISTENERS = []
        self._call("on_exit", self._server)

    def _call(self, name: str, *arguments: object) -> None:
        hook = self._hooks.get(name)
        if hook is None:
            return
        try:
            # A hook may want signals for itself; Node's handlers are how the server is stopped.
            with signal_handlers.kept():
                hook(*arguments)
        except BaseException as error:
            raise failure_of(name, error, _exit_code(error)) from None


_master: _Master | None = None


def open_hooks(facts: Mapping[str, Any]) -> dict[str, object]:
    """Look for hooks among the globals of the settings file; called anew after a reload.

    `facts`: HookFacts of src/messages.ts, without `age`.
    """
    global _master  # noqa: PLW0603
    output.install()
    signal_handlers.reset_in_children()
    try:
        if facts["settings"].get("certfile") or facts["settings"].get("keyfile"):
            refuse_ssl_context(config_file.namespace, facts["location"])
        if _master is None:
            _master = _Master(facts)
        else:
            _master.reconfigure(facts)
    except LoadError as error:
        return error.as_dict()
    return {"ok": True}


def call(name: str, *arguments: Any) -> dict[str, object]:  # noqa: ANN401
    """Call a hook, or `forked`, with what the master knows."""
    if _master is None:
        raise RuntimeError("there are no hooks")
    try:
        getattr(_master, name)(*arguments)
    except LoadError as error:
        return error.as_dict()
    return {"ok": True}


def lines() -> list[Any]:
    """Return what hooks have logged since it was asked: pairs of level and text."""
    return [] if _master is None else _master.lines()


def finish(seconds: float) -> bool:
    """Do what Python does at its exit: threads of the file's that are no daemons get `seconds`.

    Return whether they have ended. Where they have not, they end with the process: Python would
    wait for them when Node takes it down.
    """
    deadline = time.monotonic() + seconds
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                threading._shutdown = lambda: None  # type: ignore[attr-defined]
                return False
    boot.finish()
    return True


def _exit_code(error: BaseException) -> int:
    """sys.exit(N) in a hook that starts the server ends it with N, as with gunicorn."""
    if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code:
        return error.code
    return _FAILED
