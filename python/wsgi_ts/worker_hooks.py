"""The hooks of the settings file in a worker: the file is executed here once more, since nothing is forked.

Called by src/worker/hooks.ts through entry.py, and by boot.py and server.py, on the main thread
(Node's event loop): while the app is loaded, and again when it has been closed. What hooks log goes
back as lines with each answer, or down the channel while there is one. Whatever a hook raises is an
answer, never an exception.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from . import abort_watch, config_file, output, signal_handlers
from .channel import Channel
from .hook_log import Log
from .hook_objects import Config, Listener, Server, Worker
from .hook_request import RequestHooks, describe
from .hook_table import failure_of, find_hooks
from .load_error import IMPORT_RAISED, LoadError

_opened: WorkerHooks | None = None


class WorkerHooks:
    """The worker's side of one settings file."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        """Execute the file that `facts` names and make what its hooks get. Raises LoadError."""
        location: str = facts["location"]
        where = facts["kind"], location, facts["directory"]
        before = dict(os.environ)
        answer = config_file.load(*where, (), facts["argv"])
        # What the file has computed in the master is what all workers share.
        os.environ.update(before)
        if not answer["ok"]:
            raise LoadError.from_dict(answer, IMPORT_RAISED)
        self.log = Log()
        self._hooks = find_hooks(config_file.namespace, location)
        self._server = Server(Config(facts, self._hooks), self.log, os.getppid(), in_worker=True)
        self._server.worker_age = facts["age"]
        self._worker = Worker(facts["age"], self._server)
        self._worker.pid = os.getpid()
        self._worker.sockets = [Listener(each["fd"], each["url"]) for each in facts["listeners"]]

    def forked(self) -> None:
        """Call post_fork, before the app is loaded. Raises LoadError."""
        self._call("post_fork", self._server, self._worker)

    def loaded(self, target: object) -> None:
        """Call post_worker_init, the app being `target`. Raises LoadError."""
        self._worker.app.load(target)
        self._worker.wsgi = target
        self._call("post_worker_init", self._worker)
        self._worker.booted = True
        if "worker_abort" in self._hooks:
            abort_watch.watch(self._aborted)

    def serving(self, channel: Channel) -> RequestHooks | None:
        """Take the channel for the log; return the hooks around requests (None: there are none)."""
        self.log.attach(channel)
        if self._hooks.keys() & {"pre_request", "post_request"}:
            return RequestHooks(self._hooks, self._worker, self.log)
        return None

    def interrupted(self) -> None:
        """Call worker_int: INT or QUIT came. What it raises is logged."""
        self._worker.stopping()
        self._try("worker_int", self._worker)

    def exiting(self, served: int) -> None:
        """Call worker_exit, after `served` requests. What it raises is logged."""
        self._worker.stopping()
        self._worker.nr = served
        self._try("worker_exit", self._server, self._worker)

    @property
    def names(self) -> list[str]:
        """The hooks that there are."""
        return list(self._hooks)

    def _aborted(self) -> None:
        """SIGABRT came: the event loop hangs, as a rule, and nothing goes through it any more."""
        settings = self._server.cfg
        self.log.write_to(settings.errorlog, settings.loglevel)
        self._worker.stopping()
        self._worker.aborted = True
        self._try("worker_abort", self._worker)
        self._try("worker_exit", self._server, self._worker)
        with contextlib.suppress(OSError, ValueError):
            output.flush()

    def _call(self, name: str, *arguments: object) -> None:
        hook = self._hooks.get(name)
        if hook is None:
            return
        try:
            # A hook may want signals for itself; Node's handlers are how the worker is stopped.
            with signal_handlers.kept():
                hook(*arguments)
        except BaseException as error:
            raise failure_of(name, error, IMPORT_RAISED) from None

    def _try(self, name: str, *arguments: object) -> None:
        hook = self._hooks.get(name)
        if hook is None:
            return
        try:
            hook(*arguments)
        except BaseException as error:
            self.log.error(describe(name, error))


def open_file(facts: Mapping[str, Any]) -> dict[str, object]:
    """Execute the settings file and call post_fork.

    `facts`: HookFacts of src/messages.ts, `listeners` and `argv`. Return `{"ok": True, "hooks": […]}` with
    the names of those that there are, or `LoadError.as_dict()`.
    """
    global _opened  # noqa: PLW0603
    try:
        with signal_handlers.kept():
            _opened = WorkerHooks(facts)
        _opened.forked()
    except LoadError as error:
        return error.as_dict()
    return {"ok": True, "hooks": _opened.names}


def opened() -> WorkerHooks | None:
    """Return what `open_file` has opened; None where there is no settings file."""
    return _opened


def lines() -> list[Any]:
    """Return what hooks have logged and nobody has written yet: pairs of level and text."""
    return [] if _opened is None else list(_opened.log.take())


def interrupted() -> list[Any]:
    """Call worker_int; return what was logged."""
    if _opened is not None:
        _opened.interrupted()
    return lines()


def exiting(served: int) -> list[Any]:
    """Call worker_exit; return what was logged."""
    if _opened is not None:
        _opened.exiting(served)
    return lines()
