"""`module:variable` → the app object, or a LoadError that says what to do.

Called by boot.py, once, on the main thread (Node's event loop), as under gunicorn: `signal.signal`
at import works. Whatever the app raises meanwhile, sys.exit() and KeyboardInterrupt too, ends up in
a LoadError: nothing that an app does at import may take the process down without a word.
"""

from __future__ import annotations

import builtins
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

from . import callables, hints
from .app_reference import AppReference, parse_app_reference
from .load_error import IMPORT_RAISED, NOT_AN_APP, LoadError
from .tracebacks import as_python, own_frames, own_traceback, summarize

__all__ = ["LoadError", "load"]

_SHOWN_CANDIDATES = 5


def load(text: str, directory: str | None = None) -> object:
    """Import the app that `text` names and return it; raise LoadError.

    Modules are searched on `sys.path`; `directory` (default: the current one) is what the person is
    told about.
    """
    folder = Path(directory or os.getcwd())
    name = text.strip().partition(":")[0]
    path_hint = hints.for_path(text.strip(), folder)
    if "/" in name or (name.endswith(".py") and path_hint is not None):
        raise LoadError(
            "ERR_WSGI_MODULE_NOT_FOUND",
            IMPORT_RAISED,
            f"`{name}` is a file, not a module" if path_hint else f"There is no {folder / name}",
            path_hint,
        )
    reference = parse_app_reference(text)
    module = _import(reference, folder)
    target = _find(module, reference, folder)
    app = _make(target, reference) if reference.called else target
    refusal = callables.refuse(app, reference.module, reference.path, reference.called)
    if refusal is not None:
        raise _with_wsgi_sibling(refusal, reference)
    return app


def _import(reference: AppReference, folder: Path) -> ModuleType:
    try:
        builtins.__import__(reference.module)
        return sys.modules[reference.module]
    except ModuleNotFoundError as error:
        raise _not_found(error, reference, folder) from None
    except BaseException as error:
        raise _raised(error, f"`{reference.module}` could not be imported") from None


def _not_found(error: ModuleNotFoundError, reference: AppReference, folder: Path) -> LoadError:
    missing = error.name or ""
    asked_for = reference.module == missing or reference.module.startswith(f"{missing}.")
    if missing and asked_for and not own_frames(error):
        return LoadError(
            "ERR_WSGI_MODULE_NOT_FOUND",
            IMPORT_RAISED,
            f"There is no module `{missing}` in {folder}, nor elsewhere on Python's path",
            hints.for_module(missing, reference.path, folder),
        ).raised_by(as_python(error))
    hint = hints.for_dependency(missing, folder) if missing else None
    if hint is None:
        return _raised(error, f"`{reference.module}` could not be imported")
    why, remedy = hint
    return LoadError(
        "ERR_WSGI_DEPENDENCY_NOT_FOUND",
        IMPORT_RAISED,
        f"`{reference.module}` imports `{missing.partition('.')[0]}`, {why}",
        remedy,
        own_traceback(error),
    ).raised_by(as_python(error))


def _raised(error: BaseException, what: str, code: str = "ERR_WSGI_IMPORT_FAILED") -> LoadError:
    remedy = None
    if isinstance(error, SystemExit):
        message = f"{what}: it called sys.exit({'' if error.code is None else repr(error.code)})"
    elif isinstance(error, KeyboardInterrupt):
        message = f"{what}: it was interrupted"
    else:
        message = f"{what}: {summarize(error)}"
    if any(frame.f_globals.get("__name__") == "werkzeug.serving" for frame in own_frames(error)):
        remedy = "app.run() starts a server of its own: put it under `if __name__ == '__main__':`."
    refusal = LoadError(code, IMPORT_RAISED, message, remedy, own_traceback(error))
    return refusal.raised_by(as_python(error))


def _find(module: ModuleType, reference: AppReference, folder: Path) -> object:
    found: object = module
    done: list[str] = []
    for name in reference.path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            remedy = None
            if found is module:
                file = getattr(module, "__file__", None)
                remedy = hints.hidden_file(reference.module, file, folder) or _candidates(module)
                owner = f"Module `{reference.module}` ({file or 'built in'})"
            else:
                owner = f"`{reference.module}:{'.'.join(done)}` (of type {type(found).__name__})"
            message = f"{owner} has no `{name}`"
            raise LoadError("ERR_WSGI_ATTRIBUTE_NOT_FOUND", NOT_AN_APP, message, remedy) from None
        except BaseException as error:
            raise _raised(error, f"`{reference.text}` could not be read") from None
        done.append(name)
    return found


def _candidates(module: ModuleType) -> str:
    """What could have been meant: WSGI apps first, then factories, then other callables."""
    apps: list[str] = []
    factories: list[str] = []
    others: list[str] = []
    for name, value in list(vars(module).items()):
        # What was imported from elsewhere is no candidate, but for objects: `from .site import
        # app`.
        own = getattr(value, "__module__", None) == module.__name__
        if name.startswith("_") or not callable(value):
            continue
        if callables.is_wsgi(value) and (own or not hasattr(value, "__name__")):
            apps.append(name)
        elif own and callables.is_factory(value):
            factories.append(f"{name}()")
        elif own:
            others.append(name)
    names = [f"`{module.__name__}:{name}`" for name in apps + factories + others]
    del names[_SHOWN_CANDIDATES:]
    if not names:
        return "It has no callable at all."
    if apps or factories:
        more = f" Others: {', '.join(names[1:])}." if names[1:] else ""
        return f"Did you mean {names[0]}?{more}"
    return f"Its callables are {', '.join(names)}."


def _make(factory: object, reference: AppReference) -> object:
    name = f"{reference.module}:{reference.path}"
    if not callable(factory):
        message = f"`{name}` can't be called: it is of type {type(factory).__name__}"
        raise LoadError("ERR_WSGI_NOT_CALLABLE", NOT_AN_APP, message)
    wrong = callables.argument_error(factory, reference.arguments, reference.keywords)
    if wrong is not None:
        message = f"`{reference.text}` does not fit {reference.path}: {wrong}"
        raise LoadError("ERR_WSGI_FACTORY_ARGUMENTS", NOT_AN_APP, message)
    try:
        return cast(object, factory(*reference.arguments, **reference.keywords))
    except BaseException as error:
        raise _raised(error, f"`{reference.text}` failed", "ERR_WSGI_FACTORY_FAILED") from None


def _with_wsgi_sibling(refusal: LoadError, reference: AppReference) -> LoadError:
    """Django makes `asgi.py` and `wsgi.py` side by side: who gave one may have meant the other."""
    parent, _, last = reference.module.rpartition(".")
    if refusal.code == "ERR_WSGI_ASGI" and last == "asgi":
        file = getattr(sys.modules[reference.module], "__file__", None)
        if file and Path(file).with_name("wsgi.py").is_file():
            refusal.remedy = (
                f"Did you mean `{parent + '.' if parent else ''}wsgi`? {refusal.remedy}"
            )
    return refusal
