"""What hooks get: `server` (gunicorn's Arbiter), `worker` (its Worker) and their `cfg`.

Made by hooks.py in the master and by worker_hooks.py in a worker: records of what the caller knows,
under gunicorn's names. A person's code may add attributes of its own, but changes nothing by
setting ours, with one exception: `worker.alive`. Must know of no frame and no thread.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable, ClassVar

from .absent import Described
from .hook_log import Log

_SIGNAL = "the master is Node's; send it a signal: os.kill(server.pid, signal.SIGTERM)"
_NODE = "Node does that here, and Python has no hand in it"

_UNLIKE_GUNICORN: Mapping[str, object] = {
    "preload_app": False,
    "daemon": False,
    "reload": False,
    "max_requests": 0,
    "max_requests_jitter": 0,
    "sendfile": True,
    "reuse_port": False,
}
"""What holds for settings of gunicorn's while wsgi-ts has no such setting."""


class Setting:
    """An entry of `cfg.settings`."""

    def __init__(self, name: str, value: object) -> None:
        """Hold a setting's value."""
        self.name = name
        self.value = value

    def get(self) -> object:
        """Return the value."""
        return self.value


class Config:
    """`cfg`: every setting by gunicorn's name. It can only be read."""

    settings: dict[str, Setting]

    def __init__(
        self, facts: Mapping[str, Any], hooks: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        """Read `facts`: HookFacts of src/messages.ts."""
        given: Mapping[str, Any] = facts["settings"]
        values = {**_UNLIKE_GUNICORN, **given}
        pairs = (text.partition("=") for text in given.get("raw_env") or ())
        own = {
            "settings": {name: Setting(name, value) for name, value in values.items()},
            "address": [
                tuple(each) if isinstance(each, list) else each for each in facts["addresses"]
            ],
            "env": {name: value for name, _, value in pairs},
            "is_ssl": bool(values.get("certfile") or values.get("keyfile")),
            "worker_class_str": "gthread" if values.get("threads", 1) > 1 else "sync",
            "proc_name": values.get("proc_name") or facts["app"],
            "default_proc_name": facts["app"],
            "uid": os.geteuid(),
            "gid": os.getegid(),
            "_hooks": dict(hooks or {}),
        }
        self.__dict__.update(own)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Return a setting's value, or a hook."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self.settings:
            return self.settings[name].value
        if name in self._hooks:
            return self._hooks[name]
        raise AttributeError(
            f"wsgi-ts has no setting `{name}`: wsgi-ts --print-config shows those that it has"
        )

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse."""
        raise AttributeError(
            f"`cfg.{name}` can't be changed by a hook: settings are read before the first hook runs."
            " Assign it in the settings file itself"
        )

    def set(self, name: str, value: object) -> None:
        """Refuse."""
        setattr(self, name, value)


class Listener(Described):
    """A listening socket: `str()` is its address."""

    _title = "listener"
    _absent: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("accept", "close", "sock"),
        "the sockets are the server's: a hook must neither accept from one nor close it",
    )

    def __init__(self, fd: int, url: str) -> None:
        """Describe the socket `fd` that listens at `url`."""
        self._fd = fd
        self._url = url

    def __str__(self) -> str:
        """Return the address as the log shows it."""
        return self._url

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def getsockname(self) -> Any:  # noqa: ANN401
        """Return the address as `socket` does."""
        sock = socket.socket(fileno=os.dup(self._fd))
        with contextlib.closing(sock):
            return sock.getsockname()


class Pidfile:
    """`server.pidfile`."""

    def __init__(self, name: str) -> None:
        """Hold its path."""
        self.fname = name


class Application(Described):
    """`server.app` and `worker.app`: what gunicorn's BaseApplication tells."""

    _title = "app"

    def __init__(self, cfg: Config, text: str) -> None:
        """Describe the app that `text` names; nothing is loaded."""
        self.cfg = cfg
        self.app_uri = text
        self._loaded: Any = None

    def load(self, target: object) -> None:
        """Take note of the app itself."""
        self._loaded = target

    @property
    def callable(self) -> Any:  # noqa: ANN401
        """The WSGI app; None where it is not loaded (yet), as with gunicorn."""
        return self._loaded

    def wsgi(self) -> Any:  # noqa: ANN401
        """Return the WSGI app; raises RuntimeError where it is not loaded."""
        if self._loaded is None:
            raise RuntimeError(
                "the app is not loaded here: the master never loads it, a worker does so after"
                " post_fork. Use it in post_worker_init(worker), as worker.wsgi"
            )
        return self._loaded


class Server(Described):
    """`server`. `in_worker`: it is a worker's picture of its master."""

    _title = "server"
    _absent: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("halt", "stop", "reload", "reexec", "wakeup", "signal", "run", "start", "SIG_QUEUE"),
            _SIGNAL,
        ),
        **dict.fromkeys(
            ("spawn_worker", "spawn_workers", "manage_workers", "reap_workers", "setup"), _NODE
        ),
        "worker_class": "a worker is a Node process with Python in it; cfg.worker_class_str names its kind",
        # They are there in the master.
        "WORKERS": "only the master knows the workers: use it in pre_fork, child_exit and the like",
        "LISTENERS": "they are the master's; in a worker the same sockets are worker.sockets",
    }

    def __init__(self, cfg: Config, log: Log, pid: int, *, in_worker: bool = False) -> None:
        """Describe the master, whose process id is `pid`."""
        self.log = log
        self.pid = pid
        self.master_pid = 0
        self.master_name = "Master"
        self.reexec_pid = 0
        self.worker_age = 0
        self.systemd = False
        self.in_worker = in_worker
        self.configure(cfg)
        if not in_worker:
            self.WORKERS: dict[int, Worker] = {}
            self.LISTENERS: Sequence[Listener] = []

    def configure(self, cfg: Config) -> None:
        """Take over settings; also after a reload."""
        self.cfg = cfg
        self.app = Application(cfg, cfg.default_proc_name)
        self.address = cfg.address
        self.num_workers: int = cfg.workers
        self.timeout: int = cfg.timeout
        self.proc_name: str = cfg.proc_name
        self.pidfile = Pidfile(cfg.pidfile) if cfg.pidfile else None

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a signal to a worker; nothing happens where it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sig)

    def kill_workers(self, sig: int) -> None:
        """Send a signal to every worker (in the master)."""
        for pid in list(self.WORKERS):
            self.kill_worker(pid, sig)


class WorkerTmp:
    """`worker.tmp`. The heartbeat is Node's, and there is no file."""

    def notify(self) -> None:
        """Do nothing: Node tells the master that the worker lives."""

    def last_update(self) -> float:
        """Return the time by `time.monotonic()`."""
        return time.monotonic()


class Worker(Described):
    """`worker`: one worker process, in itself or as the master knows it."""

    _title = "worker"
    _absent: ClassVar[Mapping[str, str]] = {
        "wsgi": "the app is loaded after post_fork, in the worker; use it from post_worker_init on",
        "sockets": "a worker has them from post_fork on; in the master they are server.LISTENERS",
        "exitcode": "only a worker that has ended has one: see child_exit",
        "PIPE": _NODE,
        "reloader": _NODE,
        "run": _NODE,
        "init_process": _NODE,
        "init_signals": _NODE,
        "load_wsgi": _NODE,
        "handle_request": "requests are taken by Node; use pre_request and post_request",
        "handle_exit": "set worker.alive = False to end the worker after its requests",
        "handle_quit": "set worker.alive = False to end the worker after its requests",
    }

    exitcode: int | None
    sockets: Sequence[Listener]
    wsgi: Any

    def __init__(self, age: int, server: Server) -> None:
        """Describe the worker that is the `age`-th of its master."""
        self.age = age
        self.pid: int | str = "[booting]"
        self.ppid = server.pid
        self.log = server.log
        self.cfg = server.cfg
        self.app = Application(server.cfg, server.cfg.default_proc_name)
        self.timeout = server.cfg.timeout / 2
        self.booted = False
        self.aborted = False
        self.nr = 0
        self.max_requests: int = server.cfg.max_requests or sys.maxsize
        self.tmp = WorkerTmp()
        self._alive = True

    def __str__(self) -> str:
        """Return gunicorn's name for it."""
        return f"<Worker {self.pid}>"

    @property
    def alive(self) -> bool:
        """False once it is told to end. Set to False, it finishes its requests and is replaced."""
        return self._alive

    @alive.setter
    def alive(self, alive: bool) -> None:
        if self._alive and not alive and self.pid == os.getpid():
            os.kill(os.getpid(), signal.SIGTERM)
        self._alive = bool(alive)

    def stopping(self) -> None:
        """Take note that it is told to end."""
        self._alive = False

    def notify(self) -> None:
        """Do nothing: Node tells the master that the worker lives."""
