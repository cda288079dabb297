"""What to tell a person whose app was not found: "did you mean", "is not installed".

Called by loader.py once loading has failed, so it may be slow. Only reads folders and source files:
nothing of the app is imported here.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from difflib import get_close_matches
from pathlib import Path

_DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "distutils": "setuptools",
    "dotenv": "python-dotenv",
    "jwt": "PyJWT",
    "MySQLdb": "mysqlclient",
    "PIL": "Pillow",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
    # These are what they are called.
    **{
        name: name
        for name in (
            "bottle",
            "django",
            "falcon",
            "flask",
            "jinja2",
            "numpy",
            "pandas",
            "psycopg",
            "pyramid",
            "redis",
            "requests",
            "sqlalchemy",
            "werkzeug",
        )
    },
    "flask_sqlalchemy": "Flask-SQLAlchemy",
}
"""Packages that pip knows by another name than Python."""

_USUAL_NAMES = ("application", "app", "wsgi_app", "wsgi", "create_app", "make_app")


def for_path(text: str, folder: Path) -> str | None:
    """Return "did you mean" for a `text` that names a file: `app.py`, `site/app.py:app`."""
    name, _, variable = text.partition(":")
    stem = name[: -len(".py")] if name.endswith(".py") else name
    file = Path(f"{folder / stem}.py")
    if not file.is_file():
        return None
    variable = variable or _guess_variable(file)
    parents = list(Path(stem).parts[:-1])
    if not parents:
        return f"Did you mean `{file.stem}:{variable}`?"
    packages = [folder.joinpath(*parents[: end + 1]) for end in range(len(parents))]
    if not Path(stem).is_absolute() and all((each / "__init__.py").is_file() for each in packages):
        return f"Did you mean `{'.'.join([*parents, file.stem])}:{variable}`?"
    return f"Did you mean `--chdir {Path(*parents)} {file.stem}:{variable}`?"


def for_module(name: str, variable: str, folder: Path) -> str | None:
    """Return "did you mean" for a module `name` that is not in `folder`, by the names that are."""
    parent, _, last = name.rpartition(".")
    if parent:
        if Path(f"{folder.joinpath(*parent.split('.'))}.py").is_file():
            return f"`{parent}` is a module, not a package. Did you mean `{parent}:{last}`?"
        folder = folder.joinpath(*parent.split("."))
    near = get_close_matches(last, _modules(folder), n=1)
    if near:
        return f"Did you mean `{parent + '.' if parent else ''}{near[0]}:{variable}`?"
    below = sorted(folder.glob(f"*/{last}.py")) if last.isidentifier() and not parent else []
    if below:
        return f"Did you mean `--chdir {below[0].parent.name} {name}:{variable}`?"
    return None


def for_dependency(name: str, folder: Path) -> tuple[str, str] | None:
    """Return why a module `name` that the app imports isn't there, and what to do.

    None where no more can be said than Python does.
    """
    top = name.partition(".")[0]
    local = _modules(folder)
    if top in sys.modules or top in local or top.startswith("_"):
        return None
    if top in getattr(sys, "stdlib_module_names", ()):
        return f"which {sys.executable} was built without", "Use another Python: --python PATH."
    distribution = _DISTRIBUTIONS.get(top, top)
    if sys.prefix != sys.base_prefix:
        why = f"which is not installed in {sys.prefix}"
        remedy = _install(distribution)
    else:
        # A Linux distribution's own Python refuses pip (PEP 668), so the way out is an environment;
        # `.venv` is found by itself from then on.
        why = f"which is not installed for {sys.executable} (no virtual environment found)"
        remedy = f"{sys.executable} -m venv .venv && .venv/bin/python -m pip install {distribution}"
    near = get_close_matches(top, local, n=1)
    if near:
        return why, f"Did you mean your own `{near[0]}`? Else: {remedy}"
    if top in _DISTRIBUTIONS:
        return why, remedy
    # The package of that name on an index may be a stranger's: it is the person who must say that it is meant.
    return (
        why,
        f"Your own module? Then name its folder: --chdir or --pythonpath. A package? {remedy}",
    )


def hidden_file(name: str, file: str | None, folder: Path) -> str | None:
    """Return what to do if the module `name`, loaded from `file`, hides a file in `folder`."""
    own = Path(f"{folder.joinpath(*name.split('.'))}.py")
    if own.is_file() and (file is None or not os.path.samefile(own, file)):
        return f"{own} is hidden by another module of that name: rename it."
    return None


def _install(distribution: str) -> str:
    if importlib.util.find_spec("pip") is None:  # made by uv, or --without-pip
        return f"uv pip install --python {sys.executable} {distribution}"
    return f"{sys.executable} -m pip install {distribution}"


def _modules(folder: Path) -> list[str]:
    try:
        entries = list(folder.iterdir())
    except OSError:
        return []
    files = [entry.stem for entry in entries if entry.suffix == ".py" and entry.stem != "__init__"]
    # Of os.path: that of pathlib raises where a folder may not be looked into.
    return files + [entry.name for entry in entries if os.path.isfile(entry / "__init__.py")]


def _guess_variable(file: Path) -> str:
    """Return the name in `file`, by its text, that is most likely the app."""
    import ast  # noqa: PLC0415

    names: list[str] = []
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        body = []
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            names.append(statement.name)
        elif isinstance(statement, ast.Assign):
            names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
    for name in _USUAL_NAMES:
        if name in names:
            return f"{name}()" if name in {"create_app", "make_app"} else name
    return "app"
