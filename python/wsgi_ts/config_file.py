"""The config file: Python that the operator wrote, run once for its names (`workers = 4`).

Called through entry.py by the command in the master, at the start and again at a reload; a worker may
call it too, to have the file's functions (hooks). It runs on the main thread, before any app is
imported. What it sees of its process is what it would see under gunicorn: `__file__`, `__name__`, the
current directory first on `sys.path`, `sys.argv`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import linecache
import os
import sys
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

from . import config_names, own_openssl, signal_handlers
from .load_error import LoadError
from .tracebacks import as_python, own_frames, own_traceback, summarize

MODULE_NAME = "__config__"
"""What gunicorn calls a config file, whatever its path."""

EXIT_CODE = 1
"""gunicorn's exit code for a config file that can't be read."""

_DEPTH = 20
"""Levels of lists and dicts that are looked at."""

_LARGEST = 2**53
"""JavaScript's numbers are exact up to here."""

namespace: dict[str, Any] = {}
"""The globals of the file that was loaded last: where its functions and objects are."""

_brought: set[str] = set()
"""Modules of the operator's own that the last load imported."""


def load(
    kind: str, location: str, directory: str, known: Sequence[str], argv: Sequence[str]
) -> dict[str, object]:
    """Run the config file, and return what it says, as plain values.

    `kind`: "file", with an absolute path as `location`, or "module", with a module's name. `directory`:
    the one that the server was started in, absolute. `known`: the names of all settings and hooks.
    `argv`: for `sys.argv`. The same call again runs the file anew, with the operator's modules beside it.

    The answer is `LoadError.as_dict()`, or `"ok": True` with these: `values` of known names (a class by its
    dotted name; what JSON knows no form for, in a list or a dict, as its `repr`); `objects`, the types of
    those values of known names that are none of these (functions, modules); `lines`, where one line
    alone gives a value; `functions`, the names of all; `unknown`, `[name, line]` of likely typing errors.
    """
    _prepare(directory, argv)
    _forget()
    before = set(sys.modules)
    current = os.getcwd()
    try:
        # At a reload the server is in the app's directory.
        os.chdir(directory)
        with signal_handlers.kept():
            module = _run_file(location) if kind == "file" else _import(location)
    except LoadError as error:
        return error.as_dict()
    finally:
        with contextlib.suppress(OSError):
            os.chdir(current)
        with contextlib.suppress(Exception):
            sys.stdout.flush()  # in the master nobody else does
        _remember(before, directory)
    globals()["namespace"] = vars(module)
    return {"ok": True, **_answer(module, frozenset(known))}


def _prepare(directory: str, argv: Sequence[str]) -> None:
    # Before the operator's folder is on the path: an `inspect.py` in there must not become ours.
    from . import loader, server, sockets  # noqa: F401, PLC0415

    own_openssl.install()
    if directory not in sys.path:
        sys.path.insert(0, directory)
    sys.argv = list(argv)


def _run_file(path: str) -> ModuleType:
    if not os.path.exists(path):
        raise LoadError("ERR_WSGI_CONFIG_FILE_NOT_FOUND", EXIT_CODE, f"There is no {path}")
    linecache.checkcache(path)
    try:
        if path.endswith(".pyc"):
            spec = importlib.util.spec_from_file_location(MODULE_NAME, path)
        else:
            loader = SourceFileLoader(MODULE_NAME, path)
            spec = importlib.util.spec_from_file_location(MODULE_NAME, path, loader=loader)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[MODULE_NAME] = module
        if isinstance(spec.loader, SourceFileLoader):
            # Never from a .pyc: two edits within one second look the same to it.
            code = spec.loader.source_to_code(spec.loader.get_data(path), path)
            exec(code, vars(module))  # noqa: S102 - it is the operator's own
        else:
            spec.loader.exec_module(module)
    except BaseException as error:
        raise _raised(error, path) from None
    return module


def _import(name: str) -> ModuleType:
    importlib.invalidate_caches()
    sys.modules.pop(name, None)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not own_frames(error) and (name == missing or name.startswith(f"{missing}.")):
            message = f"There is no module `{missing}` for the config file python:{name}"
            raise LoadError("ERR_WSGI_CONFIG_FILE_NOT_FOUND", EXIT_CODE, message) from None
        raise _raised(error, f"python:{name}") from None
    except BaseException as error:
        raise _raised(error, f"python:{name}") from None


def _raised(error: BaseException, name: str) -> LoadError:
    if isinstance(error, SystemExit):
        why = f"it called sys.exit({'' if error.code is None else repr(error.code)})"
    elif isinstance(error, KeyboardInterrupt):
        why = "it was interrupted"
    else:
        why = summarize(error)
    message = f"The config file {name} could not be read: {why}"
    shown = own_traceback(error)
    refusal = LoadError("ERR_WSGI_CONFIG_FILE", EXIT_CODE, message, None, shown)
    return refusal.raised_by(as_python(error))


def _answer(module: ModuleType, known: frozenset[str]) -> dict[str, object]:
    names = vars(module)
    given = {name: names[name] for name in sorted(known & names.keys())}
    source = _source_of(module)
    return {
        "values": {name: _plain(value) for name, value in given.items() if _is_plain(value)},
        "objects": {
            name: type(value).__name__ for name, value in given.items() if not _is_plain(value)
        },
        "functions": sorted(
            name
            for name, value in names.items()
            if callable(value) and not isinstance(value, type) and not name.startswith("_")
        ),
        "lines": config_names.lines(source, frozenset(given)),
        "unknown": config_names.unknown(source, names, known),
    }


def _source_of(module: ModuleType) -> str:
    """Return the text of the module; "" where there is none, or it can't be read."""
    loader: Any = getattr(module, "__loader__", None)
    try:
        return loader.get_source(module.__name__) or ""
    except Exception:
        return ""


_PLAIN = (type(None), bool, int, float, str, list, tuple, set, frozenset, dict, type, os.PathLike)


def _is_plain(value: object) -> bool:
    return isinstance(value, _PLAIN)


def _plain(value: object, depth: int = 0) -> object:
    """Return `value` as JSON can hold it. A float stays recognizable as one: it becomes its text."""
    plain: object
    if value is None or isinstance(value, bool):
        plain = value
    elif isinstance(value, str):
        plain = str.__str__(value)  # perhaps an enum's member, which calls itself otherwise
    elif isinstance(value, int):
        plain = int(value) if -_LARGEST <= value <= _LARGEST else str(int(value))
    elif isinstance(value, os.PathLike):
        plain = os.fsdecode(value)
    elif isinstance(value, type):
        plain = f"{value.__module__}.{value.__qualname__}"
    elif isinstance(value, dict) and depth < _DEPTH:
        plain = {str(key): _plain(entry, depth + 1) for key, entry in value.items()}
    elif isinstance(value, (list, tuple, set, frozenset)) and depth < _DEPTH:
        entries = value if isinstance(value, (list, tuple)) else sorted(value, key=repr)
        plain = [_plain(entry, depth + 1) for entry in entries]
    else:
        plain = _described(value)
    return plain


def _described(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _forget() -> None:
    """Have the next run import the operator's own modules anew."""
    for name in _brought:
        sys.modules.pop(name, None)
    _brought.clear()
    importlib.invalidate_caches()


def _remember(before: set[str], directory: str) -> None:
    """Note the modules that the run has brought and that are the operator's own.

    That is: below their directory, and not installed.
    """
    ours = os.path.dirname(os.path.abspath(__file__)) + os.sep
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if not isinstance(file, str) or not file.startswith(directory.rstrip(os.sep) + os.sep):
            continue
        installed = file.startswith(sys.prefix + os.sep) or "site-packages" in file
        if not installed and not file.startswith(ours) and name != MODULE_NAME:
            _brought.add(name)
