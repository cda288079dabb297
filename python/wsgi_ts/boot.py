"""What TypeScript asks of Python around the serving: settle in, prepare, check, start, finish.

Called through entry.py by src/bridge/interpreter.ts and handler.ts, on the main thread (Node's
event loop), in a worker, in the master, or in a process that somebody else's Node program owns.
What the app finds here shall be what it finds under gunicorn: path, argv, environment, `__main__`,
streams, exit.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import os
import sys
import threading  # here, since the thread that imports it first is `threading.main_thread()`
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict, cast

from . import fork, output, own_openssl, parent_death, signal_handlers
from .load_error import LoadError

if TYPE_CHECKING:
    from .gateway import WSGIApp


_own_process = False
"""Whether `prepare` was told that the process is the app's alone."""


_directory: str | None = None
"""Where `prepare` was told that the app is."""


_folders: list[str] = []
"""Where the app is imported from: the entries of `pythonpath`, then its directory; absolute."""


_added: list[str] = []
"""Those of `_folders` that `prepare` has put on `sys.path`."""


_crash_log: int | None = None
"""Descriptor of the file that a crash is reported in; None: stderr."""

_crash_path = "-"


class Facts(TypedDict):
    """What TypeScript wants to know of the interpreter."""

    version: str
    executable: str
    prefix: str


class Preparation(TypedDict, total=False):
    """Options of `prepare`."""

    chdir: str | None
    pythonpath: Sequence[str]
    env: Mapping[str, str]
    argv: Sequence[str]
    own_process: bool
    error_log: str


def settle(executable: str | None, environ: Mapping[str, str | None]) -> Facts:
    """Make the new interpreter fit its host, and return what it is.

    `executable`: the interpreter that children shall be started with; None: the one that belongs to
    this library. `environ`: variables that differ from those that the interpreter was started with;
    None for one to be removed. Called once, before any other code of the app's environment.
    """
    signal_handlers.give_back_interrupt()
    for name, value in environ.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    sys.executable = executable or _default_executable()
    if sys.prefix == sys.base_prefix:
        sys._base_executable = sys.executable  # type: ignore[attr-defined]
    version = ".".join(str(part) for part in sys.version_info[:3])
    return {"version": version, "executable": sys.executable, "prefix": sys.prefix}


def prepare(options: Preparation) -> None:
    """Make the process what the app expects; to be called before `check` or `start`.

    `chdir`: the app's directory, absolute; by default the current one. It is put first on
    `sys.path`, and the entries of `pythonpath` before it, in their order. `env`: variables for
    `os.environ`. `argv`: for `sys.argv`. `own_process` (default: true): the process is the app's
    alone; it changes to `chdir`, and gets the variables of an activated environment. `error_log`:
    absolute path for `report_crashes`. Raises OSError if `chdir` can't be entered.
    """
    global _directory, _own_process  # noqa: PLW0603
    # Before the app's folder is on the path: an `inspect.py` in there must not become ours.
    from . import app_modules, loader, log_setup, server, worker_hooks  # noqa: F401, PLC0415 (not for the master)

    _directory = directory = options.get("chdir") or os.getcwd()
    _own_process = options.get("own_process", True)
    if _own_process:
        fork.close_all_in_child()
        os.chdir(directory)
        _activate()
    own_openssl.install()
    folders = [*(options.get("pythonpath") or ()), ""]
    _folders[:] = [os.path.abspath(os.path.join(directory, folder)) for folder in folders]
    _added[:] = _put_on_path(_folders)
    env = options.get("env") or {}
    os.environ.update(env)
    if "TZ" in env:
        time.tzset()
    sys.argv = list(options.get("argv") or [""])
    sys.orig_argv = [sys.executable, *sys.argv]
    main = sys.modules["__main__"]
    if getattr(main, "__file__", None) is None:
        main.__file__ = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    output.install()
    signal_handlers.reset_in_children()
    report_crashes(options.get("error_log") or "-")


def report_crashes(path: str) -> None:
    """Have a segmentation fault leave every thread's Python stack in the file `path` ("-": stderr).

    It takes SIGSEGV from V8, which uses it for
    WebAssembly that reads out of its bounds: such a program dies here instead of throwing.
    """
    global _crash_log, _crash_path  # noqa: PLW0603
    before, _crash_path = _crash_log, path
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # no right to write, stderr closed
        if path == "-":
            _crash_log = None
            faulthandler.enable(all_threads=True)
        else:
            _crash_log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            faulthandler.enable(_crash_log, all_threads=True)
        if before is not None:
            os.close(before)


def behind_crash_reports(install: Callable[[], None]) -> None:
    """Have `install` set a handler for a crash's signal: it is called after the report of the crash."""
    enabled = faulthandler.is_enabled()
    faulthandler.disable()
    install()
    if enabled:
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # stderr closed
            faulthandler.enable(sys.stderr if _crash_log is None else _crash_log, all_threads=True)


def report_crashes_anew() -> None:
    """Do so again where `prepare` did, since the file was renamed."""
    if faulthandler.is_enabled():
        report_crashes(_crash_path)


def check(app: str) -> dict[str, object]:
    """Load the app and do no more; return `{"ok": true}` or `LoadError.as_dict()`."""
    try:
        _load(app)
    except LoadError as error:
        return error.as_dict()
    return {"ok": True}


def start(app: str, options: Mapping[str, object]) -> dict[str, object]:
    """Load the app and start serving it; return `{"ok": true}` with what `server.start` returns.

    An app that can't be loaded is not an exception: the answer is then `LoadError.as_dict()`; so
    it is where the hook post_worker_init fails.
    """
    from . import server, worker_hooks  # noqa: PLC0415

    hooks = worker_hooks.opened()
    try:
        with parent_death.followed() if _own_process else contextlib.nullcontext():
            target = _load(app)
        if hooks is not None:
            hooks.loaded(target)
    except LoadError as error:
        return error.as_dict()
    return {"ok": True, **server.start(target, options, hooks)}


def finish() -> None:
    """Do what Python does at its exit, since Node may end the process without it.

    Waits for threads that are no daemons, for as long as they take, runs `atexit` and flushes;
    whatever one step raises is printed, and the next one follows. The interpreter can be used
    afterwards, but thread pools of the app's (concurrent.futures) are gone for good.
    """
    _try(threading._shutdown)  # type: ignore[attr-defined]
    _try(atexit._run_exitfuncs)
    _try(output.flush)


def _load(app: str) -> WSGIApp:
    from .app_modules import loading  # noqa: PLC0415
    from .loader import load  # noqa: PLC0415

    # An app may want signals for itself; under gunicorn that breaks its stop and its reload.
    with signal_handlers.kept(), contextlib.nullcontext() if _own_process else loading(
        _folders, _added
    ):
        return cast("WSGIApp", load(app, _directory))


def _put_on_path(folders: Sequence[str]) -> list[str]:
    added = [folder for folder in dict.fromkeys(folders) if folder not in sys.path]
    sys.path[:0] = added
    return added


def _activate() -> None:
    """Do what `bin/activate` does, so that the app's children find the environment's programs."""
    if sys.prefix == sys.base_prefix:
        return
    programs = os.path.join(sys.prefix, "bin")
    path = os.environ.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != programs:
        os.environ["PATH"] = programs + os.pathsep + path
    os.environ["VIRTUAL_ENV"] = sys.prefix
    os.environ.pop("PYTHONHOME", None)


def _default_executable() -> str:
    """Return an interpreter of this very version: the one that is first on PATH may be another."""
    major, minor = sys.version_info[:2]
    names = (f"python{major}.{minor}", "python3", "python")
    paths = [os.path.join(sys.base_prefix, "bin", name) for name in names]
    return next((path for path in paths if os.access(path, os.X_OK)), sys.executable)


def _try(step: Callable[[], object]) -> None:
    try:
        step()
    except BaseException:
        with contextlib.suppress(Exception):
            traceback.print_exc()
