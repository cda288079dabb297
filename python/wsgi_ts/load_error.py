"""Why an app can't be served: what loader.py raises and boot.py hands to TypeScript.

The codes are part of the interface: docs and tests match them, never the text.
"""

from __future__ import annotations

IMPORT_RAISED = 3
"""gunicorn's exit code (WORKER_BOOT_ERROR): importing the app, or calling its factory, failed."""

NOT_AN_APP = 4
"""gunicorn's exit code (APP_LOAD_ERROR): what was asked for is not there, or no WSGI app."""


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

    def as_dict(self) -> dict[str, object]:
        """Return it as `start` and `check` of boot.py answer."""
        return {
            "ok": False,
            "code": self.code,
            "exit_code": self.exit_code,
            "message": self.message,
            "remedy": self.remedy,
            "traceback": self.traceback,
        }
