"""What the app finds of its process; each test runs a Python of its own: `prepare` changes it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PACKAGE_FOLDER = str(Path(__file__).parents[1])
APP = "def app(environ, start_response): return [b'']\n"


class Program:
    """Runs Python text in a process of its own, in a folder where the app's files are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, text: str, executable: str = sys.executable, **options) -> subprocess.Popen:
        # As embedded: the package isn't on sys.path, and there is no main script.
        prologue = f"""
            import sys
            sys.path.insert(0, {PACKAGE_FOLDER!r})
            import wsgi_ts
            sys.path[:] = [entry for entry in sys.path if entry not in ({PACKAGE_FOLDER!r}, "")]
            from wsgi_ts import boot
        """
        program = textwrap.dedent(prologue) + textwrap.dedent(text)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        environment = {**os.environ, "PYTHONUNBUFFERED": "", **options.pop("env", {})}
        return subprocess.Popen(
            [executable, "-c", program], cwd=self.folder, env=environment, **options
        )

    def run(self, text: str, **options) -> subprocess.CompletedProcess:
        with self.start(text, **options) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def result(self, text: str, **options):
        """What the program prints as JSON in its last line."""
        done = self.run(text, **options)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path.resolve())


def test_path_argv_environment_and_main_are_as_under_gunicorn(program):
    (program.folder / "site").mkdir()
    found = program.result(
        f"""
        import json, os
        boot.prepare({{"chdir": {str(program.folder / "site")!r}, "pythonpath": ["/one", "two"],
                      "env": {{"NAME": "value", "TZ": "XYZ-3"}}, "argv": ["wsgi-ts", "app:app"]}})
        import time
        main = sys.modules["__main__"]
        print(json.dumps([sys.path[:3], os.getcwd(), os.environ["NAME"], sys.argv,
                          sys.orig_argv[1:],
                          time.tzname[0], os.path.basename(main.__file__), main.__spec__]))
        """
    )
    site = str(program.folder / "site")
    path = ["/one", f"{site}/two", site]
    argv = ["wsgi-ts", "app:app"]
    assert found == [path, site, "value", argv, argv, "XYZ", "__main__.py", None]


def test_a_second_app_puts_nothing_twice_on_the_path(program):
    found = program.result(
        """
        import json
        boot.prepare({"chdir": "/one", "own_process": False})
        boot.prepare({"chdir": "/two", "pythonpath": ["/one"], "own_process": False})
        print(json.dumps([entry for entry in sys.path if entry in ("/one", "/two")]))
        """
    )
    assert found == ["/two", "/one"]


def test_a_process_that_is_not_the_apps_alone_stays_where_it_is(program):
    found = program.result(
        """
        import json, os
        path = os.environ["PATH"]
        boot.prepare({"chdir": "/", "own_process": False})
        print(json.dumps([os.getcwd(), os.environ["PATH"] == path, sys.path[0]]))
        """
    )
    assert found == [str(program.folder), True, "/"]


def test_an_environment_is_active_for_children_in_a_process_of_the_apps_own(program, tmp_path):
    root = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
    found = program.result(
        """
        import json, os, subprocess
        boot.prepare({})
        boot.prepare({})
        command = ["python3", "-c", "import sys; print(sys.prefix)"]
        child = subprocess.check_output(command, text=True)
        print(json.dumps([os.environ["PATH"].split(":")[:2], os.environ["VIRTUAL_ENV"],
                          child.strip(), os.environ.get("PYTHONHOME")]))
        """,
        executable=str(root / "bin" / "python3"),
        env={"PATH": "/usr/bin:/bin"},
    )
    assert found == [[f"{root}/bin", "/usr/bin"], str(root), str(root), None]


def test_settling_gives_facts_and_an_executable_and_takes_no_sigint(program):
    found = program.result(
        """
        import json, os, signal
        os.environ["GONE"] = "1"
        facts = boot.settle("/some/python3", {"GONE": None, "PATH": "/new"})
        print(json.dumps([facts["version"], facts["executable"], sys.executable, facts["prefix"],
                          "GONE" in os.environ, os.environ["PATH"],
                          signal.getsignal(signal.SIGINT) == signal.SIG_DFL]))
        """
    )
    version = ".".join(map(str, sys.version_info[:3]))
    assert found == [version, "/some/python3", "/some/python3", sys.prefix, False, "/new", True]


def test_an_interpreter_of_this_version_is_found_where_none_is_given(program):
    found = program.result("import json; print(json.dumps(boot.settle(None, {})['executable']))")
    command = [found, "-c", "import sys; print(sys.version)"]
    assert subprocess.check_output(command, text=True) == sys.version + "\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_thread_of_the_app_can_start_processes(program, method):
    (program.folder / "app.py").write_text(
        textwrap.dedent(
            f"""
            import multiprocessing
            def work(queue, value): queue.put(value * 2)
            def app(environ, start_response):
                context = multiprocessing.get_context({method!r})
                queue = context.SimpleQueue()
                process = context.Process(target=work, args=(queue, 21))
                process.start()
                answer = queue.get()
                process.join()
                return [str(answer).encode()]
            """
        )
    )
    found = program.result(
        """
        import json, threading, warnings
        warnings.simplefilter("ignore")
        boot.prepare({})
        from wsgi_ts.loader import load
        app = load("app:app")
        answers = []
        thread = threading.Thread(target=lambda: answers.extend(app(None, None)))
        thread.start()
        thread.join()
        boot.finish()
        print(json.dumps(answers[0].decode()))
        """
    )
    assert found == "42"


def test_modules_of_the_app_may_have_the_names_of_ours(program):
    for name in ("boot", "channel", "loader", "server", "wsgi_ts"):
        (program.folder / f"{name}.py").write_text(f"NAME = {name!r}\n")
    # The app's folder comes first: what we need of Python's must have been imported by then.
    (program.folder / "inspect.py").write_text("raise RuntimeError\n")
    (program.folder / "app.py").write_text(
        "import boot, channel, loader, server\n"
        "assert [boot.NAME, channel.NAME, loader.NAME, server.NAME]\n" + APP
    )
    found = program.result(
        'import json; boot.prepare({}); print(json.dumps(boot.check("app:app")))'
    )
    assert found == {"ok": True}


def test_checking_and_starting_tell_what_is_wrong_as_plain_data(program):
    found = program.result(
        """
        import json
        boot.prepare({})
        print(json.dumps([boot.check("nothing:app"), boot.start("nothing:app", {})]))
        """
    )
    assert found[0] == found[1]
    assert found[0] == {
        "ok": False,
        "code": "ERR_WSGI_MODULE_NOT_FOUND",
        "exit_code": 3,
        "message": f"There is no module `nothing` in {program.folder},"
        " nor elsewhere on Python's path",
        "remedy": None,
        "traceback": None,
        "python": {
            "type": "ModuleNotFoundError",
            "message": "No module named 'nothing'",
            "traceback": "ModuleNotFoundError: No module named 'nothing'",
        },
    }


def test_starting_hands_the_app_to_the_server(program):
    (program.folder / "app.py").write_text(APP)
    found = program.result(
        """
        import json
        boot.prepare({})
        from wsgi_ts import server
        server.start = lambda app, options, hooks: {"name": app.__name__, **options}
        print(json.dumps(boot.start("app:app", {"threads": 2})))
        """
    )
    assert found == {"ok": True, "name": "app", "threads": 2}


def test_finishing_joins_threads_runs_atexit_and_flushes_each_step_for_itself(program):
    done = program.run(
        """
        import atexit, ctypes, os, threading
        boot.prepare({})
        atexit.register(print, "atexit")
        atexit.register(lambda: 1 / 0)
        until_the_end = threading.main_thread().join
        threading.Thread(target=lambda: (until_the_end(), print("thread"))).start()
        ctypes.CDLL(None).printf(b"from C, ")
        sys.stdout.write("half a line")
        boot.finish()
        os._exit(0)
        """
    )
    assert b"thread\n" in done.stdout
    assert b"atexit\n" in done.stdout
    assert b"from C, " in done.stdout
    assert b"half a line" in done.stdout
    assert b"ZeroDivisionError" in done.stderr


def test_a_crash_leaves_the_python_stack_on_stderr(program):
    done = program.run(
        """
        import ctypes, os
        boot.prepare({})
        def in_the_app(): ctypes.string_at(0)
        in_the_app()
        """
    )
    assert done.returncode < 0
    assert b"Segmentation fault" in done.stderr
    assert b"in in_the_app" in done.stderr


def test_a_crash_leaves_the_python_stack_in_the_error_log_even_after_a_rotation(program):
    done = program.run(
        """
        import ctypes, os
        boot.prepare({"error_log": os.path.abspath("error.log")})
        os.rename("error.log", "error.log.1")
        boot.report_crashes(os.path.abspath("error.log"))
        def in_the_app(): ctypes.string_at(0)
        in_the_app()
        """
    )
    assert done.returncode < 0
    assert done.stderr == b""
    assert (program.folder / "error.log.1").read_text() == ""
    assert "in in_the_app" in (program.folder / "error.log").read_text()


def test_importing_what_the_master_needs_pulls_in_nothing_slow(program):
    found = program.result(
        """
        import json
        import traceback  # which brings `inspect` itself from Python 3.14 on
        before = set(sys.modules)
        import wsgi_ts.entry
        slow = {"asyncio", "inspect", "wsgi_ts.loader"}
        print(json.dumps(sorted(slow & (set(sys.modules) - before))))
        """
    )
    assert found == []


def make_nonblocking(fd: int) -> None:
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_to_a_slow_non_blocking_pipe_arrives_complete_and_in_order(program, stream):
    read_end, write_end = os.pipe()
    make_nonblocking(write_end)
    process = program.start(
        f"""
        import threading
        boot.prepare({{}})
        stream = sys.{stream}
        def work(letter):
            for _ in range(20): print(letter * 30_000, file=stream)
        threads = [threading.Thread(target=work, args=(letter,)) for letter in "abc"]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        stream.buffer.write(b"x" * 300_000)
        print("end", end="", file=stream)
        boot.finish()
        """,
        **{stream: write_end},
    )
    os.close(write_end)
    received = bytearray()
    while chunk := os.read(read_end, 1_000):  # slower than it is written
        received += chunk
    os.close(read_end)
    process.communicate(timeout=60)
    assert process.returncode == 0
    text = received.decode()
    assert text.endswith("x" * 300_000 + "end")
    assert sorted(set(text)) == sorted("abcdenx\n")
    letters = text[:-300_003].replace("\n", "")
    assert {letter: letters.count(letter) for letter in "abc"} == dict.fromkeys("abc", 600_000)


def test_a_line_and_every_block_of_bytes_arrive_at_once(program):
    with program.start(
        """
        import ctypes
        boot.prepare({})
        print("line")
        sys.stdin.read(1)
        sys.stdout.buffer.write(b"bytes")
        sys.stdin.read(1)
        ctypes.CDLL(None).printf(b"C\\n")
        sys.stdin.read(1)
        """,
        stdin=subprocess.PIPE,
    ) as process:
        for expected in (b"line\n", b"bytes", b"C\n"):
            assert os.read(process.stdout.fileno(), 100) == expected
            process.stdin.write(b"1")
            process.stdin.flush()
        process.communicate(timeout=60)


def test_unbuffered_text_does_not_wait_for_the_end_of_its_line(program):
    with program.start(
        """
        boot.prepare({})
        sys.stdout.write(".")
        sys.stdin.read(1)
        """,
        stdin=subprocess.PIPE,
        env={"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert os.read(process.stdout.fileno(), 100) == b"."
        process.communicate(b"1", timeout=60)


def test_children_write_to_the_same_output_though_node_made_it_close_on_exec(program):
    done = program.run(
        """
        import os, subprocess
        for fd in (0, 1, 2): os.set_inheritable(fd, False)
        boot.prepare({})
        print("parent")
        subprocess.run(["echo", "child"], check=True)
        """
    )
    assert (done.returncode, done.stdout) == (0, b"parent\nchild\n"), done.stderr


def test_a_closed_output_stays_closed(program):
    found = program.run(
        """
        boot.prepare({})
        boot.finish()
        assert sys.stdout is None
        sys.stderr.write("ok")
        """,
        preexec_fn=lambda: os.close(1),
        stdout=None,
    )
    assert (found.returncode, found.stderr) == (0, b"ok")


def test_the_streams_keep_what_python_had_chosen(program):
    found = program.result(
        """
        import json
        def look(): return [[each.encoding, each.errors, each.name, each.fileno(), each.isatty()]
                            for each in (sys.stdout, sys.stderr)]
        before = look()
        boot.prepare({})
        print(json.dumps([before == look(), sys.stdout is sys.__stdout__]))
        """,
        env={"PYTHONIOENCODING": "latin-1:replace"},
    )
    assert found == [True, True]
