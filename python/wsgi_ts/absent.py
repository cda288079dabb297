"""What hooks look for in vain: an AttributeError that says why, and what to use instead.

The base of the objects that hooks get (hook_log.py, hook_objects.py, hook_request.py). `hasattr`
and `getattr` with a default work as ever; only a silent None is ruled out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class Described:
    """An object of gunicorn's of which not everything is here. Attributes may be added freely."""

    _title: ClassVar[str]
    _absent: ClassVar[Mapping[str, str]] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Say why there is no `name`."""
        if name.startswith("_"):
            raise AttributeError(name)
        why = self._absent.get(name, "docs/hooks.md lists what is there")
        raise AttributeError(f"wsgi-ts has no `{self._title}.{name}`: {why}")
