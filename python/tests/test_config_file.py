"""Config files as operators write them: what comes of each, and what they see of their process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PACKAGE_FOLDER = str(Path(__file__).parents[1])
KNOWN = ["workers", "bind", "logconfig_dict", "cert_reqs", "timeout", "post_fork", "pidfile", "x"]


class Loader:
    """Loads config files in a Python of its own: they change `sys.path`, `sys.argv` and `sys.modules`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, text: str, name: str = "gunicorn.conf.py") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def run(self, program: str) -> object:
        """Run `program`, in which `load(location, kind)` is there; return what it assigns to `result`."""
        prologue = f"""
            import json, os, sys
            sys.dont_write_bytecode = False
            sys.path.insert(0, {PACKAGE_FOLDER!r})
            from wsgi_ts import config_file
            folder = {str(self.folder)!r}
            def load(location="gunicorn.conf.py", kind="file"):
                if kind == "file":
                    location = os.path.join(folder, location)
                return config_file.load(kind, location, folder, {KNOWN!r}, ["/bin/wsgi-ts", "-w2"])
        """
        epilogue = "\nprint()\nprint(json.dumps(result))\n"
        text = textwrap.dedent(prologue) + textwrap.dedent(program) + epilogue
        done = subprocess.run(
            [sys.executable, "-c", text], cwd="/", stdout=subprocess.PIPE, check=True, timeout=60
        )
        return json.loads(done.stdout.splitlines()[-1])

    def load(self, text: str) -> dict:
        """Write the config file `text`, and return what loading it answers."""
        self.write(text)
        answer = self.run("result = load()")
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def loader(tmp_path):
    return Loader(tmp_path)


def test_gives_the_values_of_known_names_as_json_has_them(loader):
    answer = loader.load(
        """
        import enum, pathlib, ssl
        workers = 2 ** 60
        bind = ("a", "b")
        timeout = 30.0
        cert_reqs = ssl.CERT_REQUIRED
        pidfile = pathlib.Path("/run") / "app.pid"
        class Formatter: pass
        logconfig_dict = {"level": None, 1: {"()": Formatter}, "on": True, "stream": ssl}
        other = 5
        """
    )
    values = answer["values"]
    assert values.pop("logconfig_dict") == {
        "level": None,
        "1": {"()": "__config__.Formatter"},
        "on": True,
        "stream": repr(sys.modules.get("ssl") or __import__("ssl")),
    }
    assert values == {
        "workers": str(2**60),
        "bind": ["a", "b"],
        "timeout": "30.0",
        "cert_reqs": 2,
        "pidfile": "/run/app.pid",
    }
    assert answer["lines"]["bind"] == 4


def test_tells_functions_and_other_objects_from_values(loader):
    answer = loader.load(
        """
        import os as x
        def post_fork(server, worker): pass
        def workers(): return 4
        def helper(): pass
        """
    )
    assert answer["objects"] == {"post_fork": "function", "workers": "function", "x": "module"}
    assert answer["functions"] == ["helper", "post_fork", "workers"]
    assert answer["values"] == {}


def test_keeps_the_namespace_for_whoever_needs_the_functions(loader):
    loader.write("def post_fork(server, worker): return 'forked'\n")
    assert (
        loader.run(
            """
        load()
        result = config_file.namespace["post_fork"](None, None)
        """
        )
        == "forked"
    )


def test_shows_the_file_what_gunicorn_shows_it(loader):
    loader.write("", "sub/__init__.py")
    loader.write("number = 7", "beside.py")
    path = loader.write(
        """
        import os, sys
        import beside
        bind = [__file__, __name__, os.getcwd(), sys.path[0], sys.argv[1], str(beside.number)]
        """
    )
    answer = loader.run(
        """
        result = [load()["values"]["bind"], os.getcwd()]
        """
    )
    folder = str(loader.folder)
    assert answer == [[str(path), "__config__", folder, folder, "-w2", "7"], "/"]


def test_leaves_the_directory_as_it_was_though_the_file_changes_it(loader):
    loader.write("import os; os.chdir('/tmp')")
    assert loader.run("load(); result = os.getcwd()") == "/"


def test_reads_the_file_anew_with_the_modules_beside_it(loader):
    loader.write("from beside import number as workers")
    loader.write("number = 1", "beside.py")
    assert loader.run(
        """
        result = [load()["values"]["workers"]]
        # As long as before, within the same second.
        with open(os.path.join(folder, "beside.py"), "w") as file: file.write("number = 2")
        os.utime(os.path.join(folder, "beside.py"), (1, 1))
        with open(os.path.join(folder, "gunicorn.conf.py"), "a") as file: file.write(" ; timeout = 9")
        answer = load()["values"]
        result += [answer["workers"], answer["timeout"]]
        """
    ) == [1, 2, 9]


def test_reads_two_edits_of_one_second_as_two(loader):
    loader.write("workers = 1")
    assert loader.run(
        """
        path = os.path.join(folder, "gunicorn.conf.py")
        os.utime(path, (1, 1))
        result = [load()["values"]["workers"]]
        with open(path, "w") as file: file.write("workers = 2")
        os.utime(path, (1, 1))
        result.append(load()["values"]["workers"])
        """
    ) == [1, 2]


def test_takes_a_module_and_reads_it_anew(loader):
    loader.write("workers = 3", "site_conf/production.py")
    assert loader.run(
        """
        result = [load("site_conf.production", "module")["values"]["workers"]]
        path = os.path.join(folder, "site_conf", "production.py")
        with open(path, "w") as file: file.write("workers = 44")
        answer = load("site_conf.production", "module")
        result += [answer["values"]["workers"], answer["lines"]["workers"]]
        """
    ) == [3, 44, 1]


def test_takes_a_file_of_any_name(loader):
    loader.write("workers = 5", "settings.conf")
    assert loader.run("result = load('settings.conf')['values']") == {"workers": 5}


@pytest.mark.parametrize(
    ("text", "said", "traceback"),
    [
        ("workers = 1 / 0", "ZeroDivisionError: division by zero", "line 1, in <module>"),
        ("workers = (", "SyntaxError", "gunicorn.conf.py"),
        ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'", "line 1"),
        ("raise KeyboardInterrupt", "it was interrupted", "KeyboardInterrupt"),
    ],
)
def test_says_why_a_file_fails_with_its_own_traceback(loader, text, said, traceback):
    answer = loader.load(text)
    assert answer["ok"] is False
    assert answer["code"] == "ERR_WSGI_CONFIG_FILE"
    assert answer["exit_code"] == 1
    assert said in answer["message"]
    assert str(loader.folder / "gunicorn.conf.py") in answer["message"]
    assert traceback in answer["traceback"]
    assert "wsgi_ts" not in answer["traceback"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("sys.exit(7)", 7),
        ("sys.exit()", 0),
        ("sys.exit(0)", 0),
        ("sys.exit('enough')", 1),
        ("sys.exit(-1)", 255),
    ],
)
def test_a_file_that_exits_says_with_what_as_under_gunicorn(loader, text, code):
    answer = loader.load(f"import sys; {text}")
    assert answer["code"] == "ERR_WSGI_CONFIG_FILE"
    assert answer["exit_code"] == code
    assert f"it called {text}" in answer["message"]
    assert "SystemExit" in answer["traceback"]


def test_says_that_there_is_no_such_module(loader):
    answer = loader.run("result = load('no.such', 'module')")
    assert answer["code"] == "ERR_WSGI_CONFIG_FILE_NOT_FOUND"
    assert "no module `no`" in answer["message"]


def test_survives_values_that_nobody_can_show(loader):
    answer = loader.load(
        """
        class Odd:
            def __repr__(self): raise ValueError
        bind = [Odd()]
        logconfig_dict = {}
        logconfig_dict["self"] = logconfig_dict
        """
    )
    assert answer["values"]["bind"] == ["<Odd>"]
    assert answer["ok"] is True
