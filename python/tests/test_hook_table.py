"""Which hooks a settings file has, and what is said of one that can't be called."""

import functools
import ssl

import pytest

from wsgi_ts import hook_table
from wsgi_ts.hook_table import failure_of, find_hooks, refuse_ssl_context
from wsgi_ts.load_error import LoadError


def refusal(**namespace):
    with pytest.raises(LoadError) as caught:
        find_hooks(namespace, "conf.py")
    return caught.value


def test_other_names_are_nobodys_business():
    assert find_hooks({"workers": 3, "pre_forks": 1, "__name__": "x"}, "conf.py") == {}


def test_functions_methods_partials_and_builtins_are_taken_as_they_are():
    class Kept:
        def pre_fork(self, server, worker):
            pass

        def __call__(self, server):
            pass

    hooks = {
        "pre_fork": Kept().pre_fork,
        "on_exit": Kept(),
        "post_fork": functools.partial(lambda server, worker, extra: None, extra=1),
        "worker_int": lambda worker, more=1: None,
        "nworkers_changed": lambda *all_of_them: None,
        "on_starting": print,
    }
    assert find_hooks(hooks, "conf.py") == hooks


def test_a_text_names_a_function_of_a_module():
    assert find_hooks({"on_exit": "os.path.basename"}, "conf.py") == {
        "on_exit": __import__("os").path.basename
    }


@pytest.mark.parametrize("count", [2, 3, 4])
def test_post_request_gets_as_many_arguments_as_it_takes(count):
    seen = []
    hook = {
        2: lambda worker, req: seen.append((worker, req)),
        3: lambda worker, req, environ: seen.append((worker, req, environ)),
        4: lambda worker, req, environ, resp: seen.append((worker, req, environ, resp)),
    }[count]
    find_hooks({"post_request": hook}, "conf.py")["post_request"](1, 2, 3, 4)
    assert seen == [(1, 2, 3, 4)[:count]]


@pytest.mark.parametrize("name", sorted(hook_table.PARAMETERS))
def test_a_wrong_number_of_parameters_names_hook_file_and_what_is_expected(name):
    error = refusal(**{name: lambda: None})
    assert (error.code, error.exit_code) == ("ERR_WSGI_HOOK", 1)
    assert error.message == f"conf.py: the hook `{name}` takes ()"
    expected = ", ".join(hook_table.PARAMETERS[name])
    assert error.remedy == f"It is called as {name}({expected})."


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "is of type NoneType, which can't be called"),
        ("plain", "is 'plain', which does not name a function of a module"),
        ("os.nothing", "names 'os.nothing', but `os` has no `nothing`"),
        ("os.sep", "is of type str, which can't be called"),
        ("no_such.f", "can't be imported: ModuleNotFoundError: No module named 'no_such'"),
    ],
)
def test_what_is_no_callable_is_refused(value, words):
    assert words in refusal(on_exit=value).message


def test_a_named_module_that_raises_shows_the_persons_traceback(tmp_path, monkeypatch):
    (tmp_path / "broken_hooks.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    error = refusal(on_exit="broken_hooks.f")
    assert "can't be imported: SystemExit: 3" in error.message
    assert "broken_hooks.py" in error.traceback
    assert "hook_table" not in error.traceback


def test_ssl_context_is_refused_and_says_what_to_use():
    refuse_ssl_context({"certfile": "x"}, "conf.py")
    with pytest.raises(LoadError) as caught:
        refuse_ssl_context({"ssl_context": lambda config, factory: ssl}, "conf.py")
    assert caught.value.code == "ERR_WSGI_SSL_CONTEXT"
    assert "ca_certs" in caught.value.remedy


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("boom"), "ValueError: boom"),
        (SystemExit(3), "it called sys.exit(3)"),
        (SystemExit(), "it called sys.exit()"),
        (KeyboardInterrupt(), "it was interrupted"),
    ],
)
def test_a_failure_is_told_in_one_line_and_a_traceback(error, words):
    failure = failure_of("on_exit", error, 3)
    assert failure.message == f"The hook on_exit failed: {words}"
    assert (failure.code, failure.exit_code) == ("ERR_WSGI_HOOK_FAILED", 3)
