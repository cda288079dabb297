"""How an app is found, and what a person reads when it isn't one."""

from __future__ import annotations

import errno
import os
import sys
import textwrap
from pathlib import Path

import pytest

from wsgi_ts.loader import LoadError, load

APP = "def {name}(environ, start_response): return [b'']\n"


class Project:
    """A folder with the person's files, which is where modules are looked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def refuse(self, app: str) -> LoadError:
        with pytest.raises(LoadError) as caught:
            load(app)
        return caught.value


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield Project(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ("site_one", "application"),
        ("site_one:app", "app"),
        ("site_one:holder.inner.app", "app"),
        ("pack.web:app", "app"),
        ("site_one:create_app()", "created () {}"),
        ("site_one:create_app('x', debug=False)", "created ('x',) {'debug': False}"),
        ("site_one:holder.make([1, {'a': None}])", "created ([1, {'a': None}],) {}"),
        (" site_one:app ", "app"),
        ("my-site:app", "app"),
    ],
)
def test_every_form_of_an_apps_name_finds_it(project, app, expected):
    project.write(
        "site_one.py",
        APP.format(name="application")
        + APP.format(name="app")
        + """
def create_app(*args, **options):
    def made(environ, start_response): return [b'']
    made.__name__ = f"created {args} {options}"
    return made

class holder:
    make = staticmethod(create_app)
    class inner:
        app = staticmethod(app)
""",
    )
    project.write("pack/web.py", APP.format(name="app"))
    project.write("my-site.py", APP.format(name="app"))
    assert load(app).__name__ == expected


@pytest.mark.parametrize(
    "app", ["", ":app", "app:", "a b:app", ".app:app", "app:1", "app:app:x", "app:(", "app:f()()"]
)
def test_what_names_no_app_is_refused_with_the_forms_there_are(project, app):
    error = project.refuse(app)
    assert (error.code, error.exit_code) == ("ERR_WSGI_APP_EXPRESSION", 4)
    assert "module:variable" in error.remedy


@pytest.mark.parametrize(
    "call", ["create_app(name)", "create_app(*[1])", "create_app(**{})", "create_app(f())"]
)
def test_arguments_of_a_factory_are_literals(project, call):
    error = project.refuse(f"app:{call}")
    assert (error.code, error.exit_code) == ("ERR_WSGI_FACTORY_ARGUMENTS", 4)


@pytest.mark.parametrize(
    ("app", "hint"),
    [
        ("app.py", "`app:app`"),
        ("app.py:web", "`app:web`"),
        ("./app.py", "`app:app`"),
        ("wsgi.py", "`wsgi:application`"),
        ("fac.py", "`fac:create_app()`"),
        ("sub/app.py", "`--chdir sub app:app`"),
        ("sub/app:web", "`--chdir sub app:web`"),
        ("pack/app.py", "`pack.app:app`"),
        ("aqp:app", "`app:app`"),
        ("pack.aqp:app", "`pack.app:app`"),
        ("only:app", "`--chdir sub only:app`"),
        ("app.web", "`app:web`"),
    ],
)
def test_a_module_that_is_not_there_is_told_with_what_was_meant(project, app, hint):
    project.write("app.py", APP.format(name="app"))
    project.write("wsgi.py", "application = None\n")
    project.write("fac.py", "def create_app(): ...\n")
    project.write("sub/app.py", "import flask\napp = flask.Flask()\n")
    project.write("sub/only.py", "")
    project.write("pack/__init__.py", "")
    project.write("pack/app.py", "")
    error = project.refuse(app)
    assert (error.code, error.exit_code) == ("ERR_WSGI_MODULE_NOT_FOUND", 3)
    assert hint in error.remedy
    assert error.traceback is None


def test_a_module_that_is_not_there_is_told_with_the_folder_searched(project):
    error = project.refuse("nothing_like_it:app")
    assert "`nothing_like_it`" in error.message
    assert str(project.folder) in error.message
    assert error.remedy is None
    assert str(project.folder / "no" / "such.py") in project.refuse("no/such.py").message


def test_a_folder_that_may_not_be_looked_into_is_no_hindrance(project, monkeypatch):
    project.write("app.py", "")
    project.write("closed/__init__.py", "")
    stat = os.stat

    def refusing(path, *arguments, **options):
        # Root, who may run this, can look into everything.
        if "closed" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refusing)
    error = project.refuse("aqp:app")
    assert error.code == "ERR_WSGI_MODULE_NOT_FOUND"
    assert "`app:app`" in error.remedy


def test_a_package_missing_inside_the_app_is_told_with_the_command_that_installs_it(project):
    project.write("app.py", "import json\nimport no_such_framework.views\n")
    error = project.refuse("app:app")
    assert (error.code, error.exit_code) == ("ERR_WSGI_DEPENDENCY_NOT_FOUND", 3)
    assert "`no_such_framework`" in error.message
    assert "pip install no_such_framework" in error.remedy
    assert sys.executable in error.remedy
    assert error.traceback.splitlines()[1].strip().startswith(f'File "{project.folder}/app.py"')


def test_a_package_that_pip_knows_by_another_name_is_told_by_that(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)  # not installed
    monkeypatch.delitem(sys.modules, "yaml")
    project.write("app.py", "raise ModuleNotFoundError(name='yaml')\n")
    assert "pip install PyYAML" in project.refuse("app:app").remedy


def test_a_misspelt_module_of_ones_own_comes_before_pip(project):
    project.write("helpers.py", "")
    project.write("app.py", "import helper\n")
    assert project.refuse("app").remedy.startswith("Did you mean your own `helpers`?")


def test_a_missing_part_of_a_package_that_is_there_is_no_matter_for_pip(project):
    project.write("app.py", "import json.nothing\n")
    error = project.refuse("app")
    assert error.code == "ERR_WSGI_IMPORT_FAILED"
    assert error.remedy is None
    assert "json.nothing" in error.message


def test_a_missing_variable_is_told_with_the_apps_that_there_are(project):
    project.write(
        "app.py",
        """
        from os.path import join
        from pathlib import Path
        def helper(one): ...
        def create_app(config=None): ...
        class Site:
            def __call__(self, environ, start_response): return []
        site = Site()
        """,
    )
    error = project.refuse("app:nope")
    assert (error.code, error.exit_code) == ("ERR_WSGI_ATTRIBUTE_NOT_FOUND", 4)
    assert error.message == f"Module `app` ({project.folder}/app.py) has no `nope`"
    assert error.remedy == (
        "Did you mean `app:site`? Others: `app:create_app()`, `app:helper`, `app:Site`."
    )


def test_a_missing_attribute_of_an_object_is_told_with_its_type(project):
    project.write("app.py", "holder = 1\n")
    assert "`app:holder` (of type int) has no `app`" in project.refuse("app:holder.app").message
    assert project.refuse("app").remedy == "It has no callable at all."


def test_a_file_that_another_module_hides_is_told(project):
    project.write("json.py", APP.format(name="app"))
    assert "json.py is hidden" in project.refuse("json:app").remedy


@pytest.mark.parametrize(
    ("app", "code", "said"),
    [
        ("nothing", "ERR_WSGI_NOT_CALLABLE", "is None"),
        ("text", "ERR_WSGI_NOT_CALLABLE", "of type str"),
        ("json", "ERR_WSGI_NOT_CALLABLE", "is a module"),
        ("forgets()", "ERR_WSGI_NOT_CALLABLE", "`site_two:forgets()` is None"),
        ("text()", "ERR_WSGI_NOT_CALLABLE", "can't be called"),
        ("create_app", "ERR_WSGI_FACTORY_NOT_CALLED", "is a factory"),
        ("configured", "ERR_WSGI_FACTORY_NOT_CALLED", "is a factory"),
        ("one_argument", "ERR_WSGI_NOT_WSGI", "takes (config)"),
        ("Site", "ERR_WSGI_NOT_WSGI", "is a class"),
        ("Other", "ERR_WSGI_NOT_WSGI", "is a class"),
        ("create_app(1, 2)", "ERR_WSGI_FACTORY_ARGUMENTS", "too many positional arguments"),
        ("one_argument()", "ERR_WSGI_FACTORY_ARGUMENTS", "missing a required argument: 'config'"),
        ("coroutine", "ERR_WSGI_ASGI", "is an async function"),
        ("coroutine(1, 2, 3)", "ERR_WSGI_ASGI", "is a coroutine"),
        ("asgi", "ERR_WSGI_ASGI", "is an ASGI app"),
        ("Asgi", "ERR_WSGI_ASGI", "is an ASGI app"),
        ("old_asgi", "ERR_WSGI_ASGI", "is an async function"),
    ],
)
def test_what_is_no_wsgi_app_is_refused(project, app, code, said):
    project.write(
        "site_two.py",
        """
        import json
        nothing = None
        text = "app"
        def forgets(): site = 1
        def create_app(): return lambda environ, start_response: []
        def configured(config=None, debug=False): ...
        def one_argument(config): ...
        class Site:
            def __call__(self, environ, start_response): ...
        class Other:
            def __init__(self, name, config=None): ...
            def __call__(self, environ, start_response): ...
        async def coroutine(scope, receive, send): ...
        class Asgi:
            async def __call__(self, scope, receive, send): ...
        asgi = Asgi()
        def old_asgi(scope): ...
        """,
    )
    error = project.refuse(f"site_two:{app}")
    assert (error.code, error.exit_code) == (code, 4)
    assert said in error.message
    assert error.traceback is None


@pytest.mark.parametrize(
    "app",
    ["Response", "Iterator", "bound", "anything", "partial", "lax", "by_name", "wrapped", "New"],
)
def test_what_can_be_called_with_two_arguments_is_taken(project, app):
    project.write(
        "site_three.py",
        """
        import functools
        class Response:
            def __init__(self, environ, start_response): ...
            def __iter__(self): yield b""
        class Iterator:
            def __init__(self, environ, start_response): ...
            def __getitem__(self, index): raise IndexError
        class New:
            def __new__(cls, environ, start_response): return [b""]
        class Site:
            def app(self, environ, start_response): return []
        bound = Site().app
        def anything(*args, **kwargs): return []
        def three(prefix, environ, start_response): return []
        partial = functools.partial(three, "x")
        def lax(environ, start_response, extra=None): return []
        def by_name(environ=None, start_response=None): return []
        def create_app(): return []
        @functools.wraps(create_app)
        def wrapped(environ, start_response): return []
        """,
    )
    assert callable(load(f"site_three:{app}"))


def test_an_asgi_app_of_django_is_told_of_its_sibling(project):
    project.write("proj/__init__.py", "")
    project.write("proj/wsgi.py", "")
    project.write("proj/asgi.py", "async def application(scope, receive, send): ...\n")
    assert project.refuse("proj.asgi").remedy.startswith("Did you mean `proj.wsgi`?")


def test_what_python_raised_is_told_as_plain_text(project):
    project.write(
        "app.py",
        """
        class Broken(Exception):
            pass


        raise Broken("a word")
        """,
    )
    error = project.refuse("app:app")
    assert error.python is not None
    assert error.python["type"] == "app.Broken"
    assert error.python["message"] == "a word"
    assert error.python["traceback"] == error.traceback
    assert project.refuse("app:app").as_dict()["python"] == error.python
    project.write("fine.py", "")
    assert project.refuse("fine:app").python is None


def test_an_exception_on_import_comes_with_the_persons_own_traceback_only(project):
    project.write("deep.py", "def fail():\n    return {}['key']\n")
    project.write(
        "app.py",
        """
        import importlib
        def again():
            importlib.import_module("middle")
        again()
        """,
    )
    project.write(
        "middle.py",
        """
        import deep
        try:
            deep.fail()
        except KeyError as error:
            raise ValueError("boom") from error
        """,
    )
    error = project.refuse("app")
    assert (error.code, error.exit_code) == ("ERR_WSGI_IMPORT_FAILED", 3)
    assert error.message == "`app` could not be imported: ValueError: boom"
    frames = [line for line in error.traceback.splitlines() if line.startswith("  File")]
    files = [frame.split('"')[1].replace(f"{project.folder}/", "") for frame in frames]
    assert files == ["middle.py", "deep.py", "app.py", "app.py", "middle.py"]
    assert error.traceback.endswith("ValueError: boom")


def test_a_syntax_error_is_shown_with_its_line(project):
    project.write("app.py", "def broken(:\n    pass\n")
    error = project.refuse("app")
    assert (error.code, error.exit_code) == ("ERR_WSGI_IMPORT_FAILED", 3)
    assert error.message == "`app` could not be imported: SyntaxError: invalid syntax"
    assert error.traceback.startswith(f'  File "{project.folder}/app.py", line 1')


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("sys.exit()", "it called sys.exit()"),
        ("sys.exit(2)", "it called sys.exit(2)"),
        ("sys.exit('no database')", "it called sys.exit('no database')"),
        ("raise KeyboardInterrupt", "it was interrupted"),
        ("raise GeneratorExit", "GeneratorExit"),
    ],
)
def test_nothing_that_is_raised_on_import_gets_out(project, statement, said):
    project.write("app.py", f"import sys\n{statement}\n")
    error = project.refuse("app")
    assert (error.code, error.exit_code) == ("ERR_WSGI_IMPORT_FAILED", 3)
    assert said in error.message
    assert f'File "{project.folder}/app.py", line 2' in error.traceback


def test_an_exception_in_a_factory_is_its_own(project):
    project.write("app.py", "def create_app(): raise TypeError('not the arguments')\n")
    error = project.refuse("app:create_app()")
    assert (error.code, error.exit_code) == ("ERR_WSGI_FACTORY_FAILED", 3)
    assert "in create_app" in error.traceback


def test_a_server_started_on_import_that_gave_up_is_named(project):
    project.write("werkzeug/__init__.py", "")
    project.write("werkzeug/serving.py", "import sys\ndef run_simple(): sys.exit(1)\n")
    project.write("app.py", "from werkzeug.serving import run_simple\nrun_simple()\n")
    assert "__main__" in project.refuse("app").remedy


def test_an_attribute_that_raises_is_no_missing_one(project):
    project.write("app.py", "def __getattr__(name): raise RuntimeError(name)\n")
    error = project.refuse("app")
    assert (error.code, error.exit_code) == ("ERR_WSGI_IMPORT_FAILED", 3)
    assert "RuntimeError: application" in error.message
