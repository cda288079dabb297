"""The text that names an app, taken apart: `module:variable`, `module:factory(…)`.

Called by loader.py. Only reads the text: nothing is imported or evaluated here, so an argument of a
factory is a literal or an error.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .load_error import NOT_AN_APP, LoadError

_DEFAULT = "application"
"""PEP 3333 and gunicorn: the name looked for where none is given."""

_MODULE = re.compile(r"[^\s.:/\\()]+(\.[^\s.:/\\()]+)*")
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")

_FORMS = (
    "Give it as module (for its variable `application`), module:variable, module:object.attribute,"
    " or module:factory('argument', key=1)."
)


class AppReference(NamedTuple):
    """Where an app is, and how to get it."""

    text: str
    module: str
    """Dotted name of the module."""

    path: str
    """Dotted name inside the module."""

    called: bool
    """Whether `path` is a factory to be called."""

    arguments: tuple[object, ...]
    keywords: dict[str, object]


def parse_app_reference(text: str) -> AppReference:
    """Take `text` apart; raise LoadError (ERR_WSGI_APP_EXPRESSION) if it names no app."""
    module, colon, expression = text.strip().partition(":")
    if not _MODULE.fullmatch(module):
        raise _unreadable(
            text, f"`{module}` is no module's name" if module else "no module is named"
        )
    if not colon:
        expression = _DEFAULT
    expression = expression.strip()
    if _NAME.fullmatch(expression):
        return AppReference(text, module, expression, False, (), {})
    if not expression:
        raise _unreadable(text, "nothing follows the colon")
    return _parse_call(text, module, expression)


def _parse_call(text: str, module: str, expression: str) -> AppReference:
    import ast  # noqa: PLC0415 (5 ms, for factories only)

    try:
        call = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise _unreadable(text, f"`{expression}` is neither a name nor a call") from None
    if not isinstance(call, ast.Call):
        raise _unreadable(text, f"`{expression}` is neither a name nor a call")
    path = ast.get_source_segment(expression, call.func) or ""
    if not _NAME.fullmatch(path):
        raise _unreadable(text, f"`{path}` is not the name of a factory")
    try:
        arguments = tuple(ast.literal_eval(argument) for argument in call.args)
        keywords = {_keyword(word): ast.literal_eval(word.value) for word in call.keywords}
    except (TypeError, ValueError):
        raise LoadError(
            "ERR_WSGI_FACTORY_ARGUMENTS",
            NOT_AN_APP,
            f"Not every argument in `{text}` is a literal",
            "Only text, numbers, True, False, None, and lists and dicts of them can be given.",
        ) from None
    return AppReference(text, module, path, True, arguments, keywords)


def _keyword(word: object) -> str:
    name = getattr(word, "arg", None)
    if not isinstance(name, str):  # `**options`
        raise ValueError(name)
    return name


def _unreadable(text: str, why: str) -> LoadError:
    return LoadError("ERR_WSGI_APP_EXPRESSION", NOT_AN_APP, f"Can't read `{text}`: {why}", _FORMS)
