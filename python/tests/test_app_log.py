"""The handler on `gunicorn.error`, and how text on `wsgi.errors` is judged."""

import json
import logging
import os
import re
import socket

import pytest

from wsgi_ts import app_log, frame
from wsgi_ts.channel import Channel
from wsgi_ts.error_stream import judge


def take_off(handler):
    logger = logging.getLogger("gunicorn.error")
    logger.removeHandler(handler)
    logger.propagate = True


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "error.log"
    handler = app_log.install(str(path), "text", logging.INFO)
    yield logging.getLogger("gunicorn.error"), handler, path
    take_off(handler)


def test_without_a_channel_lines_are_written_as_the_server_writes_them(log):
    logger, _, path = log
    logger.warning("seen %s", "\x1b\x9b")
    [line] = path.read_text("utf-8").splitlines()
    assert re.fullmatch(
        rf"\[\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{{4}}\] \[{os.getpid()}\] \[WARNING\] seen \\x1b\\x9b",
        line,
    )


def test_the_file_may_be_renamed_between_two_lines(log):
    logger, _, path = log
    logger.error("one")
    path.rename(path.with_suffix(".1"))
    logger.error("two")
    assert path.read_text("utf-8").endswith("two\n")


def test_json_lines_have_the_servers_keys(tmp_path):
    handler = app_log.install(str(tmp_path / "log"), "json", logging.INFO)
    logging.getLogger("gunicorn.error").error('a "quote"')
    fields = json.loads((tmp_path / "log").read_text("utf-8"))
    assert list(fields) == ["time", "log", "level", "pid", "message"]
    assert (fields["level"], fields["message"]) == ("error", 'a "quote"')
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d", fields["time"])
    take_off(handler)


def test_records_travel_down_an_open_channel_with_their_level(log):
    logger, handler, path = log
    ours, nodes = socket.socketpair()
    channel = Channel(ours)
    handler.attach(channel)
    other = logging.getLogger("other")
    other.handlers = logger.handlers
    other.propagate = False
    other.setLevel(5)
    other.log(5, "far below debug")
    other.critical("grave")
    handler.setFormatter(logging.Formatter("own %(message)s"))
    other.info("x" * 70_000)
    nodes.settimeout(10)
    data = b""
    while len(frame.decode_frames(data)[0]) < 3:
        data += nodes.recv(65536)
    frames, _ = frame.decode_frames(data)
    assert {kind for kind, _, _ in frames} == {frame.RECORD}
    assert [payload[0] for _, _, payload in frames] == [0, 4, frame.WHOLE_LINE]
    assert frames[1][2][1:] == b"grave"
    assert frames[2][2][1:6] == b"own x"
    assert b"characters left out" in frames[2][2]
    channel.close()
    nodes.close()
    handler.setFormatter(None)
    other.info("behind it")
    assert path.read_text("utf-8").endswith("[INFO] behind it\n")
    other.handlers = []  # it is the other logger's list: pytest would add to both
    other.propagate = True


def test_what_came_from_node_does_not_go_back(log):
    logger, _, path = log
    app_log.ignore_this_thread()
    logger.error("from Node")
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "level", "logged"),
    [
        ("[2026-11-24 10:11:12,123] INFO in app: x", frame.INFO, "INFO in app: x"),
        (
            "[2026-11-24 10:11:12,123] ERROR in a: b\nTraceback",
            frame.ERROR,
            "ERROR in a: b\nTraceback",
        ),
        (
            "[2026-11-24 10:11:12,123] LOUD in a: b",
            frame.ERROR,
            "[2026-11-24 10:11:12,123] LOUD in a: b",
        ),
        ("WARNING in a.b: c", frame.WARNING, "WARNING in a.b: c"),
        ("INFO in general, no entry", frame.ERROR, "INFO in general, no entry"),
        ("plain", frame.ERROR, "plain"),
    ],
)
def test_flasks_entries_say_their_own_level_and_other_text_is_an_error(text, level, logged):
    assert judge(text) == (level, logged)
