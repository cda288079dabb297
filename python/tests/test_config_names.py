"""Which names of a config file are told as typing errors, and which are left alone."""

from __future__ import annotations

import textwrap

import pytest

from wsgi_ts import config_names

KNOWN = frozenset(("workers", "bind", "timeout", "post_fork", "raw_env"))


def unknown(text: str) -> list:
    source = textwrap.dedent(text)
    values: dict = {}
    exec(source, values)  # noqa: S102
    return config_names.unknown(source, values, KNOWN)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("worker = 4", [["worker", 1]]),
        ("workers = 4\ntime_out = 30", [["time_out", 2]]),
        ("worker: int = 4", [["worker", 1]]),
        ("if True:\n    worker = 4\nelse:\n    worker = 2", [["worker", 2]]),
        ("try:\n    worker = 4\nexcept OSError:\n    pass", [["worker", 1 + 1]]),
        ("worker = other = 4", [["worker", 1], ["other", 1]]),
    ],
)
def test_finds_what_is_set_and_means_nothing(text, found):
    assert unknown(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "workers = 4",
        "cores = 2\nworkers = cores * 2 + 1",
        "host = 'a'\nbind = f'{host}:80'",
        "name = 'a'\ndef post_fork(server, worker):\n    print(name)",
        "count = 0\ndef post_fork(server, worker):\n    global count\n    count = 1",
        "BASE_DIR = '/srv'",
        "_private = 4",
        "__version__ = '1'",
        "import os as worker",
        "from os import name",
        "for index in range(3):\n    pass",
        "with open('/dev/null') as file:\n    pass",
        "one, two = 1, 2",
        "def helper(): worker = 4",
        "class Settings: worker = 4",
        "helper = lambda: 4",
        "logger = __import__('logging').getLogger()",
        "worker = 4\nraw_env = [f'{k}={v}' for k, v in globals().items()]",
        "worker = 4\n__all__ = ['worker']",
        "worker = 4\ndel worker",
    ],
)
def test_leaves_alone_what_people_write(text):
    assert unknown(text) == []


def test_says_nothing_of_a_text_that_is_no_python():
    assert config_names.unknown("worker = (", {"worker": 4}, KNOWN) == []
    assert config_names.unknown("\0", {}, KNOWN) == []


def test_knows_the_line_of_a_value_where_there_is_one():
    source = "workers = 1\nbind = 'a'\nif workers:\n    bind = 'b'\n"
    assert config_names.lines(source, frozenset(("workers", "bind"))) == {"workers": 1}
