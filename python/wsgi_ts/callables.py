"""Whether an object is a WSGI app, as far as that can be seen without calling it.

Called by loader.py on the main thread. Refuses only what can't work: where Python doesn't tell how
a callable wants to be called (a C extension), it is taken. Must never call what it looks at.
"""

from __future__ import annotations

import inspect
from types import ModuleType

from .load_error import NOT_AN_APP, LoadError

_ASGI_REMEDY = (
    "wsgi-ts serves WSGI apps (PEP 3333). Serve this one with an ASGI server (uvicorn {text}),"
    " or wrap it: python -m pip install a2wsgi, then `wsgi_app = a2wsgi.ASGIMiddleware({name})`"
    " and wsgi-ts {module}:wsgi_app."
)


def refuse(app: object, module: str, path: str, called: bool) -> LoadError | None:
    """Return why `app`, found as `module:path` (a factory's result if `called`), can't be one."""
    name = f"{path}()" if called else path
    text = f"{module}:{name}"
    if app is None:
        remedy = f"Does {path} end with `return app`?" if called else None
        return _not_callable(f"`{text}` is None", remedy)
    if inspect.iscoroutine(app):
        app.close()  # or Python warns that it was never awaited
        return _asgi(f"`{text}` is a coroutine: {path} is an async function", text, module, name)
    if isinstance(app, ModuleType):
        return _not_callable(f"`{text}` is a module", f"Did you mean `{module}.{path}`?")
    if not callable(app):
        return _not_callable(f"`{text}` is not callable: it is of type {type(app).__name__}")
    if is_asgi(app):
        what = "an async function" if inspect.isroutine(app) else "an ASGI app"
        return _asgi(f"`{text}` is {what}, not a WSGI app", text, module, name)
    return _refuse_signature(app, module, path, called)


def is_asgi(app: object) -> bool:
    """Return whether `app` is asynchronous, or takes `scope` first."""
    try:
        if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(_call_method(app)):
            return True
    except Exception:  # it doesn't like to be looked at (a proxy of something that isn't there yet)
        return False
    signature = _signature(app)
    return signature is not None and next(iter(signature.parameters), None) == "scope"


def is_wsgi(app: object) -> bool:
    """Return whether `app` looks like a WSGI app: it can be called with two arguments."""
    if not callable(app) or inspect.isclass(app) or is_asgi(app):
        return False
    signature = _signature(app)
    return signature is not None and _takes_request(signature)


def is_factory(candidate: object) -> bool:
    """Return whether `candidate` is a function that can be called with no argument."""
    signature = _signature(candidate) if inspect.isfunction(candidate) else None
    return signature is not None and _binds(signature, 0)


def argument_error(
    factory: object, arguments: tuple[object, ...], keywords: dict[str, object]
) -> str | None:
    """Return why `factory` can't be called so, in Python's words; None if it can, or may."""
    signature = _signature(factory)
    if signature is not None:
        try:
            signature.bind(*arguments, **keywords)
        except TypeError as error:
            return str(error)
    return None


def _refuse_signature(app: object, module: str, path: str, called: bool) -> LoadError | None:
    signature = _signature(app)
    if signature is None:
        return None
    text = f"{module}:{path}()" if called else f"{module}:{path}"
    if inspect.isclass(app):
        # A class may be the app (PEP 3333's own example): its instances are the response then.
        if _binds(signature, 2) and (hasattr(app, "__iter__") or not _instances_are_apps(app)):
            return None
        return LoadError(
            "ERR_WSGI_NOT_WSGI",
            NOT_AN_APP,
            f"`{text}` is a class, not an app",
            f"Give one of its instances: `{text}()`, or a variable that holds one.",
        )
    if _takes_request(signature):
        return None
    if _binds(signature, 0):
        return LoadError(
            "ERR_WSGI_FACTORY_NOT_CALLED",
            NOT_AN_APP,
            f"`{text}` is a factory: it takes no (environ, start_response)",
            f"Did you mean `{text}()`?",
        )
    return LoadError(
        "ERR_WSGI_NOT_WSGI",
        NOT_AN_APP,
        f"`{text}` takes {signature}; a WSGI app takes (environ, start_response)",
        None if called else f"If it is a factory, give its arguments: `{text}('…')`.",
    )


def _instances_are_apps(kind: type) -> bool:
    signature = _signature(_call_method(kind))
    return signature is not None and _binds(signature, 3)


def _call_method(app: object) -> object:
    """`__call__` as a class has it, which is what a call of its instances runs."""
    kind = app if inspect.isclass(app) else type(app)
    return next((vars(each)["__call__"] for each in kind.__mro__ if "__call__" in vars(each)), None)


def _takes_request(signature: inspect.Signature) -> bool:
    """Whether it is for (environ, start_response), and not a factory with nothing but defaults."""
    if not _binds(signature, 2):
        return False
    parameters = list(signature.parameters.values())
    optional = all(
        parameter.default is not parameter.empty or parameter.kind is parameter.VAR_KEYWORD
        for parameter in parameters
    )
    return not optional or parameters[0].name.startswith("env")


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _signature(candidate: object) -> inspect.Signature | None:
    try:
        # Not what a decorator says it wraps: the wrapper is what would be called.
        return inspect.signature(candidate, follow_wrapped=False)  # type: ignore[arg-type]
    except Exception:  # it has none, or doesn't like to be looked at
        return None


def _not_callable(message: str, remedy: str | None = None) -> LoadError:
    return LoadError("ERR_WSGI_NOT_CALLABLE", NOT_AN_APP, message, remedy)


def _asgi(message: str, text: str, module: str, name: str) -> LoadError:
    remedy = _ASGI_REMEDY.format(text=text, name=name, module=module)
    return LoadError("ERR_WSGI_ASGI", NOT_AN_APP, message, remedy)
