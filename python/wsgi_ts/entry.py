"""The one function of Python that TypeScript calls: everything else is reached through it.

Called by src/bridge/interpreter.ts on the main thread (Node's event loop), a few times in a
process' life. Arguments and results travel as JSON text: a plain object as the last argument of a
pymport call would become keyword arguments, and an exception that leaves here would come without
the traceback that we want.
"""

from __future__ import annotations

import json
from importlib import import_module
from traceback import format_exception


def call(module: str, name: str, arguments: str) -> str:
    """Call `wsgi_ts.<module>.<name>(*arguments)`; return `{"ok": true, "value": …}` as JSON text.

    What it raises comes back as `{"ok": false, "type", "message", "errno", "traceback"}`; nothing
    is raised.
    """
    try:
        function = getattr(import_module(f"wsgi_ts.{module}"), name)
        value = function(*json.loads(arguments))
        return json.dumps({"ok": True, "value": value}, allow_nan=False)
    except BaseException as error:
        lines = format_exception(type(error), error, error.__traceback__)
        failure = {
            "ok": False,
            "type": type(error).__name__,
            "message": str(error),
            "errno": getattr(error, "errno", None),
            "traceback": "".join(lines).rstrip("\n"),
        }
        return json.dumps(failure)
