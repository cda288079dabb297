"""The master's hooks, one after the other, as src/master/hooks.ts calls them; each in a Python of its own."""

import json

import pytest
from test_boot import Program
from test_hook_objects import FACTS, facts


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path.resolve())


def run(program, source, calls, settings=None):
    """Execute the settings file, then `calls`; return the answers, each with the lines logged."""
    (program.folder / "conf.py").write_text(source)
    given = json.dumps(facts(**settings) if settings else FACTS)
    return program.result(
        f"""
        import json, os
        from wsgi_ts import config_file, hooks
        assert config_file.load("file", os.path.abspath("conf.py"), ".", (), [])["ok"]
        answers = [hooks.open_hooks(json.loads({given!r}))]
        for name, *arguments in json.loads({json.dumps(calls)!r}):
            answers.append([hooks.call(name, *arguments), hooks.lines()])
        print()
        print(json.dumps(answers))
        """
    )


def test_hooks_that_are_not_there_are_called_to_no_effect(program):
    calls = [["on_starting"], ["when_ready", []], ["pre_fork", 1], ["forked", 1, 77]]
    calls += [["child_exit", 1, 0, None], ["nworkers_changed", 2, 1], ["on_reload"], ["pre_exec"]]
    answers = run(program, "workers = 3\n", [*calls, ["on_exit"]])
    assert answers == [{"ok": True}] + [[{"ok": True}, []]] * (len(calls) + 1)


def test_the_master_keeps_its_workers_and_their_marks(program):
    source = """
def pre_fork(server, worker):
    worker.mark = worker.age * 10
    server.log.info("%s %s", server.worker_age, sorted(server.WORKERS))
def child_exit(server, worker):
    server.log.info("%s %s %s %s", worker.pid, worker.mark, worker.exitcode, sorted(server.WORKERS))
def nworkers_changed(server, new, old):
    server.log.info("%s %s %s", new, old, server.num_workers)
"""
    calls = [["nworkers_changed", 3, None], ["pre_fork", 1], ["forked", 1, 77], ["pre_fork", 2]]
    calls += [["forked", 2, 78], ["child_exit", 1, None, "SIGKILL"], ["child_exit", 2, 3, None]]
    answers = run(program, source, calls)
    said = [text for answer in answers[1:] for _, text in answer[1]]
    assert said == ["3 None 3", "1 []", "2 [77]", "77 10 -9 [78]", "78 20 3 []"]


def test_a_worker_that_never_came_to_be_has_no_child_exit(program):
    source = "def pre_fork(server, worker): 1 / 0\ndef child_exit(server, worker): 1 / 0\n"
    calls = [["pre_fork", 1], ["child_exit", 1, None, None]]
    [_, [failed, _], [answer, _]] = run(program, source, calls)
    assert failed["message"] == "The hook pre_fork failed: ZeroDivisionError: division by zero"
    assert "wsgi_ts" not in failed["traceback"]
    assert answer == {"ok": True}


def test_what_a_hook_raises_is_an_answer_with_its_exit_code(program):
    source = "import sys\ndef on_starting(server): sys.exit(7)\ndef on_exit(server): sys.exit()\n"
    [_, [starting, _], [exiting, _]] = run(program, source, [["on_starting"], ["on_exit"]])
    assert (starting["code"], starting["exit_code"]) == ("ERR_WSGI_HOOK_FAILED", 7)
    assert exiting["exit_code"] == 1


def test_ssl_context_is_refused_only_where_there_is_tls(program):
    source = "def ssl_context(config, factory): return factory()\n"
    assert run(program, source, []) == [{"ok": True}]
    [refused] = run(program, source, [], {"certfile": "cert.pem"})
    assert refused["code"] == "ERR_WSGI_SSL_CONTEXT"


def test_after_a_reload_the_new_hooks_are_called_and_bad_ones_change_nothing(program):
    (program.folder / "conf.py").write_text("")
    found = program.result(
        f"""
        import json, os
        from wsgi_ts import config_file, hooks
        facts = json.loads({json.dumps(FACTS)!r})
        answers = []
        for number in range(3):
            source = f"def on_reload(server): server.log.info('{{number}} %s %s', server.timeout, server.mine)"
            if number == 2:
                source = "on_reload = 5"
            open("conf.py", "w").write(source)
            config_file.load("file", os.path.abspath("conf.py"), ".", (), [])
            facts["settings"]["timeout"] = number
            answers.append(hooks.open_hooks(facts).get("code"))
            if number == 0:
                hooks._master._server.mine = "kept"
            hooks.call("on_reload")
            answers += hooks.lines()
        print(json.dumps(answers))
        """
    )
    assert found == [
        None,
        ["info", "0 0 kept"],
        None,
        ["info", "1 1 kept"],
        "ERR_WSGI_HOOK",
        ["info", "1 1 kept"],
    ]


def test_finishing_waits_for_threads_only_so_long(program):
    done = program.run(
        """
        import atexit, threading
        from wsgi_ts import hooks
        atexit.register(print, "atexit")
        ended, endless = threading.Event(), threading.Event()
        threading.Thread(target=lambda: (ended.wait(), print("thread"))).start()
        ended.set()
        print(hooks.finish(30))
        threading.Thread(target=endless.wait).start()
        print(hooks.finish(0))
        """
    )
    assert done.stdout.decode().split() == ["thread", "atexit", "True", "False"]
    assert done.returncode == 0, done.stderr.decode()
