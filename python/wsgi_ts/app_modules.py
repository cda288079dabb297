"""Several apps in one interpreter: one `sys.modules`, one `sys.path`, so one file for each module name.

Used by boot.py in a process that somebody else's Node program owns; a worker has one app alone. While an
app is loaded (main thread) every import is looked at: where another app's file has the name already, that
is an error, and not the wrong module. Later, on any thread, a module is looked for first in the
folders of the app whose code imports it. It must never touch what another app has imported.
"""

from __future__ import annotations

import builtins
import importlib._bootstrap
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType
from typing import Any, Tuple

from .app_log import ERROR_LOGGER
from .load_error import IMPORT_RAISED, LoadError
from .tracebacks import as_python

_bootstrap: Any = importlib._bootstrap

Folders = Tuple[str, ...]

_apps: list[Folders] = []
"""The folders of each app that was loaded, real paths; apps of the same folders are one entry."""

_REMEDY = (
    "Apps of one process share one interpreter. Put the modules of each into a package of its own, or serve"
    " one of the apps from a process of its own: serve()."
)


@contextmanager
def loading(folders: Sequence[str], added: Sequence[str] = ()) -> Iterator[None]:
    """Look at every import of this thread while the app of these folders (absolute) is loaded.

    `added`: those of them that have been put on `sys.path` for this app.

    Raises LoadError ERR_WSGI_MODULE_CONFLICT where it wants a name that another app's file has. Where
    the app can't be loaded, for whatever reason, its modules and its folders are forgotten: it can be
    loaded again.
    """
    own = tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders))
    others = tuple({folder for app in _apps for folder in app} - set(own))
    modules_before = set(sys.modules)
    path_before = list(sys.path)
    # Also where they are on it: the app that is loaded finds its own modules first.
    sys.path[:] = [*folders, *(entry for entry in sys.path if entry not in folders)]
    guard = _Guard(own, others)
    try:
        if others:
            with guard.installed():
                yield
        else:
            yield
        if guard.conflict is not None:  # the app may have caught it
            raise guard.conflict
    except BaseException as error:
        sys.path[:] = [entry for entry in path_before if entry not in added]
        for name in set(sys.modules) - modules_before:
            if _folder_of(name, sys.modules.get(name)) in own:
                del sys.modules[name]
        if guard.conflict is None or error is guard.conflict:
            raise
        raise _with_frames(guard.conflict, error) from None
    if own not in _apps:
        _apps.append(own)
    if len(_apps) > 1 and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Guard:
    """What looks at the imports of one loading."""

    def __init__(self, own: Folders, others: Folders) -> None:
        self._own = own
        self._others = others
        self._thread = threading.get_ident()
        self.conflict: LoadError | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand in for both ways of an import: the statement's, and that of `importlib.import_module`."""
        import_before: Callable[..., ModuleType] = builtins.__import__
        # import_module looks it up at each call, by whatever name it was imported itself.
        gcd_import_before: Callable[..., ModuleType] = _bootstrap._gcd_import

        def import_(
            name: str,
            globals: Mapping[str, object] | None = None,
            locals: Mapping[str, object] | None = None,
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> ModuleType:
            if level == 0:
                self._look_at(name)
                for attribute in fromlist or ():
                    self._look_at(f"{name}.{attribute}")
            return import_before(name, globals, locals, fromlist, level)

        def gcd_import(name: str, package: str | None = None, level: int = 0) -> ModuleType:
            if level == 0:
                self._look_at(name)
            return gcd_import_before(name, package, level)

        builtins.__import__ = import_
        _bootstrap._gcd_import = gcd_import
        try:
            yield
        finally:
            self._thread = 0  # whoever has wrapped ours meanwhile goes on calling it
            if builtins.__import__ is import_:
                builtins.__import__ = import_before
            if _bootstrap._gcd_import is gcd_import:
                _bootstrap._gcd_import = gcd_import_before

    def _look_at(self, name: str) -> None:
        """Raise ImportError where `name`, or a package on the way to it, is another app's file."""
        if threading.get_ident() != self._thread:
            return
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            dotted = ".".join(parts[:end])
            module = sys.modules.get(dotted)
            if module is None:
                return  # it will be looked for, in the app's own folders first
            file = getattr(module, "__file__", None)
            if file is None:
                continue  # a package without __init__.py: its parts may be in several folders
            if _folder_of(dotted, module) not in self._others:
                return
            own_file = _file_in(self._own, dotted)
            if own_file is not None and os.path.realpath(file) != own_file:
                self._refuse(dotted, file, own_file)
            return

    def _refuse(self, name: str, file: str, own_file: str) -> None:
        message = f"`{name}` is {file} in this process, for another app: {own_file} can't have that name too"
        error = ImportError(message, name=name, path=own_file)
        conflict = LoadError("ERR_WSGI_MODULE_CONFLICT", IMPORT_RAISED, message, _REMEDY)
        self.conflict = self.conflict or conflict.raised_by(as_python(error))
        raise error


def _with_frames(conflict: LoadError, error: BaseException) -> LoadError:
    """Return `conflict`, with the frames that `error` has: Python has added the app's own to it."""
    python = error.python if isinstance(error, LoadError) else None
    if (
        isinstance(error, LoadError)
        and python is not None
        and python["message"] == conflict.message
    ):
        conflict.traceback = error.traceback
        conflict.raised_by(python)
    return conflict


class _Finder:
    """Finds a module in the folders of the app whose code imports it, before `sys.path` is asked."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return where the module is; None: nobody's, or everybody's."""
        if path is not None:
            return None
        app = _importing_app(sys._getframe(1))
        if app is None:
            return None
        spec = PathFinder.find_spec(name, app)
        # A folder without __init__.py may be data: any package of that name goes before it (PEP 420).
        if spec is None or spec.origin is None:
            return None
        _warn_of_others(name, spec.origin, app)
        return spec


def _importing_app(frame: FrameType | None) -> Folders | None:
    """Return the folders of the app that the innermost frame of an app belongs to."""
    while frame is not None:
        app = _app_of(frame.f_code.co_filename)
        if app is not None:
            return app
        frame = frame.f_back
    return None


def _app_of(file: str) -> Folders | None:
    """Return the folders of the app that has this file: where one is inside another, the inner one's."""
    if file.startswith("<") or f"{os.sep}site-packages{os.sep}" in file:
        return None
    real = _real_path(file)
    found: Folders | None = None
    longest = -1
    for app in _apps:
        for folder in app:
            if len(folder) > longest and real.startswith(folder.rstrip(os.sep) + os.sep):
                found, longest = app, len(folder)
    return found


_real_path = lru_cache(maxsize=4096)(os.path.realpath)
"""A path without links; there are as many paths as files of code, and each import asks for many."""


def _warn_of_others(name: str, file: str, app: Folders) -> None:
    for other in _apps:
        theirs = None if other == app else _file_in(other, name)
        if theirs is not None and theirs != os.path.realpath(file):
            logging.getLogger(ERROR_LOGGER).warning(
                "`%s` is %s in this process from now on: another app, which has %s, gets that too",
                *(name, file, theirs),
            )


def _folder_of(name: str, module: ModuleType | None) -> str | None:
    """Return the folder of `sys.path` that a module has come from; None: it is no file's."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return None
    folder = os.path.dirname(os.path.realpath(file))
    ups = name.count(".") + (1 if hasattr(module, "__path__") else 0)
    for _ in range(ups):
        folder = os.path.dirname(folder)
    return folder


def _file_in(folders: Folders, name: str) -> str | None:
    """Return the file that `name` would be in these folders, as a real path; None: there is none."""
    *parents, _ = name.split(".")
    for folder in folders:
        importer = PathFinder.find_spec(name, [os.path.join(folder, *parents)])
        if importer is not None and importer.has_location and importer.origin is not None:
            return os.path.realpath(importer.origin)
    return None
