"""Why an app can't be served: what loader.py raises and boot.py hands to TypeScript.

The codes are part of the interface: docs and tests match them, never the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

IMPORT_RAISED = 3
"""gunicorn's exit code (WORKER_BOOT_ERROR): importing the app, or calling its factory, failed."""

NOT_AN_APP = 4
"""gunicorn's exit code (APP_LOAD_ERROR): what was asked for is not there, or no WSGI app."""


class PythonFailure(TypedDict):
    """What Python raised, as TypeScript passes it on: plain text, so that it can go to another process."""

    type: str
    """`ModuleNotFoundError`; with its module where it is none of Python's own: `jinja2.UndefinedError`."""

    message: str
    """`str()` of it."""

    traceback: str
    """The person's own, with no line feed at its end."""


class LoadError(Exception):
    """An app that can't be loaded: a stable `code`, an exit code, a line, what to do about it."""

    def __init__(
        self,
        code: str,
        exit_code: int,
        message: str,
        remedy: str | None = None,
        traceback: str | None = None,
    ) -> None:
        """`remedy`: whole sentences, or the command to run. `traceback`: the person's own."""
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code
        self.message = message
        self.remedy = remedy
        self.traceback = traceback
        self.python: PythonFailure | None = None

    def raised_by(self, python: PythonFailure | None) -> LoadError:
        """Say what Python raised (tracebacks.as_python), and return the error itself."""
        self.python = python
        return self

    @classmethod
    def from_dict(cls, answer: Mapping[str, Any], exit_code: int) -> LoadError:
        """Make an error of what `as_dict` returned, with another exit code."""
        error = cls(
            answer["code"], exit_code, answer["message"], answer["remedy"], answer["traceback"]
        )
        return error.raised_by(answer["python"])

    def as_dict(self) -> dict[str, object]:
        """Return it as `start` and `check` of boot.py answer."""
        return {
            "ok": False,
            "code": self.code,
            "exit_code": self.exit_code,
            "message": self.message,
            "remedy": self.remedy,
            "traceback": self.traceback,
            "python": self.python,
        }
