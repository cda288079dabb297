"""The names in a config file: where a setting gets its value, and which names look like settings and are none.

Used by config_file.py. It reads the file's text (`ast`), and never runs any of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

_SETTING = re.compile(r"[a-z][a-z0-9_]*\Z")
"""What a setting is called: nobody writes one in capitals, or with an underscore in front."""

_PLAIN = (type(None), bool, int, float, str, list, tuple, dict)
"""Types of values that a setting has."""

_EVERY_NAME = frozenset(("globals", "locals", "vars", "exec", "eval"))
"""Whoever calls one of these may use any name."""


def lines(source: str, names: frozenset[str]) -> dict[str, int]:
    """Return the line that gives each of `names` its value, where there is exactly one such line."""
    found: dict[str, list[int]] = {}
    for name, line in _assignments(_parse(source)):
        found.setdefault(name, []).append(line)
    return {name: at[0] for name, at in found.items() if name in names and len(at) == 1}


def unknown(source: str, values: Mapping[str, Any], known: frozenset[str]) -> list[list[object]]:
    """Return `[name, line]` of what was probably meant as a setting, in the order of the file.

    That is a name in lower case that the file sets to a plain value, that is no setting, and that nothing
    in the file uses: nothing at all would come of it. A name that is imported, a function and a loop's
    variable are none.
    """
    tree = _parse(source)
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            used.add(node.id)
        elif isinstance(node, ast.Global):
            used.update(node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.update(_exported(node.value))
    if used & _EVERY_NAME:
        return []
    found: dict[str, int] = {}
    for name, line in _assignments(tree):
        if _SETTING.match(name) is None or name in known or name in used:
            continue
        if isinstance(values.get(name, _MISSING), _PLAIN):
            found.setdefault(name, line)
    return [[name, line] for name, line in found.items()]


_MISSING = object()


def _exported(text: str) -> list[str]:
    """Return the word that `text` is: `__all__ = ["port"]`, `getattr(conf, "port")`."""
    return [text] if _SETTING.match(text) else []


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _assignments(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the names that are set by themselves (`name = …`) outside of functions, with their lines."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, target.lineno
        if not targets:
            yield from _assignments(node)
