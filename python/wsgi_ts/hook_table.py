"""The server hooks of the settings file: which there are, and the functions that are meant by them.

Called by hooks.py in the master and by worker_hooks.py in each worker, on the main thread, when the
file has been executed. Everything that can be wrong with a hook before it is called is said here.
Must never call one.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Callable

from .load_error import LoadError
from .tracebacks import as_python, own_traceback, summarize

Hook = Callable[..., Any]

PARAMETERS = {
    "on_starting": ("server",),
    "on_reload": ("server",),
    "when_ready": ("server",),
    "pre_fork": ("server", "worker"),
    "post_fork": ("server", "worker"),
    "post_worker_init": ("worker",),
    "worker_int": ("worker",),
    "worker_abort": ("worker",),
    "pre_exec": ("server",),
    "pre_request": ("worker", "req"),
    "post_request": ("worker", "req", "environ", "resp"),
    "child_exit": ("server", "worker"),
    "worker_exit": ("server", "worker"),
    "nworkers_changed": ("server", "new_value", "old_value"),
    "on_exit": ("server",),
}
"""gunicorn's hooks, with what each is called with. `ssl_context` is apart: see `refuse_ssl_context`."""

_POST_REQUEST_AT_LEAST = 2
"""Of its four arguments `post_request` may take the first two or three; gunicorn's rule."""

_WRONG = 1
"""Exit code for what is wrong with the settings."""


def find_hooks(namespace: Mapping[str, object], file: str) -> dict[str, Hook]:
    """Return the hooks that `namespace` has, the globals of the settings file `file`.

    A hook is a callable or names one (`package.module.function`). Raises LoadError ERR_WSGI_HOOK
    for one that is neither, or can't be called with its arguments.
    """
    return {
        name: _fit(name, _resolve(name, namespace[name], file), file)
        for name in PARAMETERS
        if name in namespace
    }


def refuse_ssl_context(namespace: Mapping[str, object], file: str) -> None:
    """Raise LoadError ERR_WSGI_SSL_CONTEXT where the hook `ssl_context` is there.

    Node does the TLS here, and an `ssl.SSLContext` can't be made its own. What the hook asks for
    (a lowest version, a check of clients) would be left out silently: that is worse than no start.
    """
    if "ssl_context" in namespace:
        raise LoadError(
            "ERR_WSGI_SSL_CONTEXT",
            _WRONG,
            f"{file}: the hook `ssl_context` can't be used: TLS is Node's here, not Python's",
            "Say it with settings, and remove the hook: certfile, keyfile, ca_certs, cert_reqs, ciphers,"
            " tls_minimum_version.",
        )


def failure_of(name: str, error: BaseException, exit_code: int) -> LoadError:
    """Return what to say of a hook that raised `error`: the person's traceback, nothing of ours."""
    code = "ERR_WSGI_HOOK_FAILED"
    if isinstance(error, SystemExit):
        what = f"it called sys.exit({'' if error.code is None else repr(error.code)})"
    elif isinstance(error, KeyboardInterrupt):
        what = "it was interrupted"
    else:
        what = summarize(error)
    message = f"The hook {name} failed: {what}"
    refusal = LoadError(code, exit_code, message, None, own_traceback(error))
    return refusal.raised_by(as_python(error))


def _resolve(name: str, value: object, file: str) -> Hook:
    if isinstance(value, str):
        value = _import(name, value, file)
    if callable(value):
        return value
    raise _wrong(name, file, f"is of type {type(value).__name__}, which can't be called")


def _import(name: str, text: str, file: str) -> object:
    module, _, attribute = text.rpartition(".")
    if not module:
        raise _wrong(name, file, f"is {text!r}, which does not name a function of a module")
    try:
        return getattr(importlib.import_module(module), attribute)
    except AttributeError:
        raise _wrong(name, file, f"names {text!r}, but `{module}` has no `{attribute}`") from None
    except BaseException as error:
        message = f"names {text!r}, which can't be imported: {summarize(error)}"
        raise _wrong(name, file, message, own_traceback(error)) from None


def _fit(name: str, hook: Hook, file: str) -> Hook:
    """Return `hook`, or what calls it with as many of the arguments as it takes."""
    wanted = len(PARAMETERS[name])
    try:
        signature = inspect.signature(hook)
    except (TypeError, ValueError):  # it has none: written in C
        return hook
    if _binds(signature, wanted):
        return hook
    if name == "post_request":
        for count in range(wanted - 1, _POST_REQUEST_AT_LEAST - 1, -1):
            if _binds(signature, count):
                return lambda *arguments: hook(*arguments[:count])
    raise _wrong(name, file, f"takes {signature}")


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _wrong(name: str, file: str, what: str, traceback: str | None = None) -> LoadError:
    expected = f"{name}({', '.join(PARAMETERS[name])})"
    return LoadError(
        "ERR_WSGI_HOOK",
        _WRONG,
        f"{file}: the hook `{name}` {what}",
        f"It is called as {expected}.",
        traceback,
    )
