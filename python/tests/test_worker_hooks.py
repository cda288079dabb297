"""A worker's hooks around the loading and the end of its app; each in a Python of its own."""

import json
import signal

import pytest
from test_boot import APP, Program
from test_hook_objects import FACTS


@pytest.fixture
def program(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    return Program(tmp_path.resolve())


def script(text):
    """A worker that opens conf.py and loads the app; then `text`."""
    given = json.dumps(
        {**FACTS, "age": 4, "argv": ["x"], "listeners": [{"fd": 3, "url": "http://x"}]}
    )
    return (
        "import json, os, signal\n"
        "boot.prepare({})\n"
        "from wsgi_ts import server, worker_hooks\n"
        "server.start = lambda app, options, hooks: {}\n"
        f"opened = worker_hooks.open_file(json.loads({given!r}))\n"
        "before = worker_hooks.lines()\n"
        "started = boot.start('app:app', {})\n" + text
    )


def test_the_hooks_of_a_life_with_what_they_find(program):
    (program.folder / "conf.py").write_text("""
import os
def post_fork(server, worker):
    same = worker.pid == os.getpid(), server.pid == os.getppid()
    worker.log.info("fork %s %s %s %s %s", worker.age, server.worker_age, *same, worker.sockets[0])
def post_worker_init(worker):
    worker.log.info("init %s %s", worker.wsgi.__name__, worker.booted)
def worker_int(worker):
    worker.log.info("int %s %s", worker.booted, worker.alive)
def worker_exit(server, worker):
    server.log.info("exit %s", worker.nr)
""")
    found = program.result(
        script(
            "print(json.dumps([opened, before, started, worker_hooks.lines(),"
            " worker_hooks.interrupted(), worker_hooks.exiting(5)]))"
        )
    )
    names = ["post_fork", "post_worker_init", "worker_int", "worker_exit"]
    assert found == [
        {"ok": True, "hooks": names},
        [["info", "fork 4 4 True True http://x"]],
        {"ok": True},
        [["info", "init app False"]],
        [["info", "int True False"]],
        [["info", "exit 5"]],
    ]


@pytest.mark.parametrize("name", ["post_fork", "post_worker_init"])
def test_what_raises_before_a_worker_is_ready_is_a_failed_boot(program, name):
    (program.folder / "conf.py").write_text(f"def {name}(*given):\n    raise ValueError('boom')\n")
    opened, started = program.result(script("print(json.dumps([opened, started]))"))
    failure = opened if name == "post_fork" else started
    assert (failure["code"], failure["exit_code"]) == ("ERR_WSGI_HOOK_FAILED", 3)
    assert failure["message"] == f"The hook {name} failed: ValueError: boom"
    assert "conf.py" in failure["traceback"]
    assert "wsgi_ts" not in failure["traceback"]


def test_what_raises_at_the_end_is_logged(program):
    (program.folder / "conf.py").write_text(
        "import sys\ndef worker_int(worker): 1 / 0\ndef worker_exit(server, worker): sys.exit(3)\n"
    )
    [[first, second]] = program.result(
        script("print(json.dumps([worker_hooks.interrupted() + worker_hooks.exiting(0)]))")
    )
    assert first[1].startswith("The hook worker_int failed: ZeroDivisionError")
    assert second[1].startswith("The hook worker_exit failed: SystemExit: 3")


def test_a_file_that_raises_only_here_is_a_failed_boot(program):
    (program.folder / "conf.py").write_text("1 / 0\n")
    opened, rest = program.result(script("print(json.dumps([opened, worker_hooks.exiting(0)]))"))
    assert (opened["ok"], opened["exit_code"], rest) == (False, 3, [])


def test_sigabrt_calls_worker_abort_while_the_main_thread_is_stuck_in_c(program):
    (program.folder / "conf.py").write_text("""
def worker_abort(worker):
    print("aborted", worker.aborted, worker.alive)
def worker_exit(server, worker):
    print("exits")
""")
    # read(2) through ctypes: no Python code runs on the main thread any more.
    stuck = (
        "import ctypes\n"
        "reading, writing = os.pipe()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os.kill(os.getppid(), signal.SIGABRT)\n"
        "    os._exit(0)\n"
        "libc = ctypes.CDLL(None)\n"
        "while True:\n"
        "    libc.read(reading, ctypes.create_string_buffer(1), 1)\n"
    )
    done = program.run(script(stuck))
    assert done.returncode == 1, done.stderr.decode()
    assert done.stdout.decode().splitlines() == ["aborted True False", "exits"]
    assert b"Fatal Python error: Aborted" in done.stderr


def test_a_forked_child_dies_of_sigabrt_as_ever(program):
    (program.folder / "conf.py").write_text("def worker_abort(worker): print('called')\n")
    found = program.result(
        script(
            "ready, say = os.pipe()\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    os.write(say, b'.')\n"
            "    while True: signal.pause()\n"
            "os.read(ready, 1)\n"
            "os.kill(child, signal.SIGABRT)\n"
            "print(json.dumps(os.waitpid(child, 0)[1] & 127))\n"
        )
    )
    assert found == signal.SIGABRT
