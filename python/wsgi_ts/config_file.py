"""Provisional: executes the settings file. The real one takes its place."""

from __future__ import annotations

from collections.abc import Sequence

from .load_error import LoadError
from .tracebacks import own_traceback, summarize

namespace: dict[str, object] = {}
"""The file's globals."""


def load(
    kind: str, location: str, directory: str, known: Sequence[str], argv: Sequence[str]
) -> dict[str, object]:
    """Execute the file; its globals are `namespace` then."""
    found: dict[str, object] = {"__name__": "__config__", "__file__": location}
    try:
        with open(location, "rb") as file:
            exec(compile(file.read(), location, "exec"), found)  # noqa: S102
    except BaseException as error:
        what = f"{location} could not be executed: {summarize(error)}"
        failure = LoadError("ERR_WSGI_IMPORT_FAILED", 1, what, None, own_traceback(error))
        return failure.as_dict()
    namespace.clear()
    namespace.update(found)
    names = [name for name in found if not name.startswith("_")]
    plain = (str, int, float, type(None))
    values = {name: found[name] for name in names if isinstance(found[name], plain)}
    functions = [name for name in names if callable(found[name])]
    return {"ok": True, "values": values, "functions": functions, "unknown": []}
