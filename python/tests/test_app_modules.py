"""What several apps of one interpreter may import, and what they may not."""

from __future__ import annotations

import builtins
import importlib
import logging
import sys
import textwrap
from pathlib import Path

import pytest

from wsgi_ts import app_modules
from wsgi_ts.load_error import LoadError
from wsgi_ts.loader import load

APP = "def app(environ, start_response): return [b'']\n"


class Apps:
    """Folders with an app each, loaded one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, path: str, text: str = "") -> Path:
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def load(self, folder: str, app: str) -> object:
        path = str(self._folder / folder)
        with app_modules.loading([path]):
            return load(app, path)

    def refuse(self, folder: str, app: str) -> LoadError:
        with pytest.raises(LoadError) as caught:
            self.load(folder, app)
        return caught.value


@pytest.fixture
def apps(tmp_path, monkeypatch):
    monkeypatch.setattr(app_modules, "_apps", [])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = set(sys.modules)
    yield Apps(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_two_files_of_one_name_are_an_error_that_names_both(apps):
    one, two = apps.write("one/site_app.py", APP), apps.write("two/site_app.py", APP)
    apps.load("one", "site_app:app")
    error = apps.refuse("two", "site_app:app")
    assert error.code == "ERR_WSGI_MODULE_CONFLICT"
    assert str(one) in error.message
    assert str(two) in error.message
    assert sys.modules["site_app"].__file__ == str(one)


@pytest.mark.parametrize(
    "statement",
    [
        "import tools",
        "from tools import name",
        "import importlib; importlib.import_module('tools')",
        "from importlib import import_module; import_module('tools')",
        "__import__('tools')",
        "try:\n    import tools\nexcept ImportError:\n    pass",
    ],
)
def test_so_are_modules_that_both_apps_import(apps, statement):
    apps.write("one/first_app.py", f"import tools\n{APP}")
    apps.write("one/tools.py", "name = 1\n")
    apps.write("two/second_app.py", f"{statement}\n{APP}")
    apps.write("two/tools.py", "name = 2\n")
    apps.load("one", "first_app:app")
    error = apps.refuse("two", "second_app:app")
    assert error.code == "ERR_WSGI_MODULE_CONFLICT"
    assert error.python is not None
    assert error.python["type"] == "ImportError"
    assert "`tools` is " in error.message


def test_the_traceback_shows_who_wants_it(apps):
    apps.write("one/first_app.py", f"import tools\n{APP}")
    apps.write("one/tools.py")
    apps.write("two/second_app.py", f"import tools\n{APP}")
    apps.write("two/tools.py")
    apps.load("one", "first_app:app")
    error = apps.refuse("two", "second_app:app")
    assert error.traceback is not None
    assert 'two/second_app.py", line 1' in error.traceback
    assert "wsgi_ts" not in error.traceback


def test_parts_of_a_package_without_init_are_looked_at_one_by_one(apps):
    for folder in ("one", "two"):
        apps.write(f"{folder}/space/part.py", f"folder = {folder!r}\n")
    apps.write("one/first_app.py", f"import space.part\n{APP}")
    apps.write("two/second_app.py", f"from space import part\n{APP}")
    apps.write("two/third_app.py", f"from space import other\n{APP}")
    apps.write("two/space/other.py")
    apps.load("one", "first_app:app")
    assert apps.refuse("two", "second_app:app").code == "ERR_WSGI_MODULE_CONFLICT"
    apps.load("two", "third_app:app")


def test_one_app_may_be_loaded_twice_and_two_apps_share_a_folder_or_a_library(apps):
    apps.write("one/first_app.py", f"import tools\n{APP}")
    apps.write("one/other_app.py", f"import tools\n{APP}")
    apps.write("one/tools.py")
    apps.write("two/second_app.py", f"import tools, json\n{APP}")  # it has no such file itself
    assert apps.load("one", "first_app:app") is apps.load("one", "first_app:app")
    apps.load("one", "other_app:app")
    apps.load("two", "second_app:app")


def test_an_app_that_failed_leaves_nothing_and_can_be_loaded_again(apps):
    path = list(sys.path)
    file = apps.write("one/first_app.py", "import tools\nraise ValueError\n")
    apps.write("one/tools.py", "count = 1\n")
    assert apps.refuse("one", "first_app:app").code == "ERR_WSGI_IMPORT_FAILED"
    assert "tools" not in sys.modules
    assert sys.path == path
    file.write_text(f"import tools\n{APP}# mended\n")
    importlib.invalidate_caches()
    apps.load("one", "first_app:app")


def test_what_is_imported_later_is_the_importing_apps_own(apps, caplog):
    late = "def app(environ, start_response):\n    import late\n    return [late.folder]\n"
    for folder in ("one", "two"):
        apps.write(f"{folder}/late.py", f"folder = {folder!r}\n")
    apps.write("one/first_app.py", late)
    apps.write("two/second_app.py", APP)
    first = apps.load("one", "first_app:app")
    apps.load("two", "second_app:app")
    logger = logging.getLogger("gunicorn.error")
    logger.addHandler(caplog.handler)
    try:
        assert first({}, None) == ["one"]
    finally:
        logger.removeHandler(caplog.handler)
    assert "`late` is " in caplog.text


def test_imports_are_as_they_were_afterwards(apps):
    before = builtins.__import__, importlib._bootstrap._gcd_import
    apps.write("one/first_app.py", APP)
    apps.write("two/second_app.py", APP)
    apps.load("one", "first_app:app")
    apps.load("two", "second_app:app")
    assert (builtins.__import__, importlib._bootstrap._gcd_import) == before


def test_a_folder_of_data_hides_no_package(apps):
    late = "def app(environ, start_response):\n    import boxes\n    return [boxes.kind]\n"
    apps.write("one/boxes/data.txt")
    apps.write("library/boxes/__init__.py", "kind = 'package'\n")
    apps.write("one/first_app.py", late)
    apps.write("two/second_app.py", APP)
    first = apps.load("one", "first_app:app")
    apps.load("two", "second_app:app")
    sys.path.append(str(apps.write("library/README").parent))
    assert first({}, None) == ["package"]


@pytest.mark.parametrize("order", [("outer", "inner"), ("inner", "outer")])
def test_an_app_inside_the_folder_of_another_is_the_inner_one(apps, order):
    late = "def app(environ, start_response):\n    import late\n    return [late.folder]\n"
    apps.write("late.py", "folder = 'outer'\n")
    apps.write("outer_app.py", late)
    apps.write("inner/late.py", "folder = 'inner'\n")
    apps.write("inner/inner_app.py", late)
    outer = str(apps.write("outer_app.py", late).parent)
    # Longer than the inner app's folder, but not where that app's code is.
    other = str(apps.write("folder_with_a_longer_name/README").parent)
    loaded = {}
    for name in order:
        folders = [outer, other] if name == "outer" else [f"{outer}/inner"]
        with app_modules.loading(folders, folders):
            loaded[name] = load(f"{name}_app:app", folders[0])
    assert loaded["inner"]({}, None) == ["inner"]
    del sys.modules["late"]
    assert loaded["outer"]({}, None) == ["outer"]


def test_an_app_may_be_in_the_root_folder(monkeypatch):
    monkeypatch.setattr(app_modules, "_apps", [("/",), ("/srv/other",)])
    assert app_modules._app_of("/app.py") == ("/",)
    assert app_modules._app_of("/srv/other/app.py") == ("/srv/other",)


def test_an_import_function_of_an_apps_own_stays(apps, monkeypatch):
    monkeypatch.setattr(builtins, "__import__", builtins.__import__)
    apps.write("one/first_app.py", f"import tools\n{APP}")
    apps.write("one/tools.py")
    apps.write(
        "two/second_app.py",
        f"""
        import builtins
        before = builtins.__import__
        def own(*given, **named): return before(*given, **named)
        builtins.__import__ = own
        {APP}""",
    )
    apps.write("two/tools.py")
    apps.load("one", "first_app:app")
    apps.load("two", "second_app:app")
    assert builtins.__import__ is sys.modules["second_app"].own
    # Nobody looks at it any more.
    assert builtins.__import__("tools") is sys.modules["tools"]
