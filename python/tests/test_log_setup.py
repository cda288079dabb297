"""The loggers that lines of the server's logs go through, and the thread that hands them over."""

import json
import logging
import socket
import struct
import sys
import types

import pytest

from wsgi_ts import backlog, frame, log_setup, reopening, sockets
from wsgi_ts.log_thread import Atoms

BASE = {
    "level": "info",
    "error_log": "-",
    "form": "text",
    "access": False,
    "access_format": '%(h)s "%(r)s" %({X-Tag}i)s',
    "syslog": None,
    "config": None,
    "statsd": None,
    "folders": [],
}


OURS = (logging.StreamHandler, logging.FileHandler)
"""What configs here put on the root; pytest has handlers of its own there."""


def clear():
    for name in ("gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            if type(handler) in OURS:
                handler.close()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
    logging.root.handlers = [each for each in logging.root.handlers if type(each) not in OURS]
    logging.root.setLevel(logging.WARNING)


@pytest.fixture(autouse=True)
def loggers():
    yield
    clear()


def file_config(path, **loggers):
    return {
        "loggers": loggers,
        "root": {"handlers": []},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": str(path)}},
    }


def with_dict(config):
    return {**BASE, "config": {"kind": "dict", "source": json.dumps(config)}}


def test_without_settings_there_is_our_handler_and_no_thread():
    answer = log_setup.set_up(BASE)
    assert answer == {
        "ok": True,
        "error": {"own": True, "python": False},
        "access": {"own": False, "python": False},
        "level": frame.INFO,
        "fd": None,
    }
    logger = logging.getLogger("gunicorn.error")
    assert (logger.level, logger.propagate, len(logger.handlers)) == (logging.INFO, False, 1)
    log_setup.set_up({**BASE, "level": "debug"})
    assert (logger.level, len(logger.handlers)) == (logging.DEBUG, 1)


def test_a_config_that_names_no_loggers_of_ours_leaves_them_to_us(tmp_path):
    log = tmp_path / "log"
    answer = log_setup.set_up({**with_dict(file_config(log)), "access": True})
    socket.socket(fileno=answer["fd"]).close()
    assert answer["error"] == {"own": True, "python": False}
    assert answer["access"] == {"own": True, "python": False}


def test_a_config_without_loggers_gets_those_of_gunicorn():
    answer = log_setup.set_up(with_dict({"formatters": log_setup.CONFIG_DEFAULTS["formatters"]}))
    socket.socket(fileno=answer["fd"]).close()
    assert answer["error"] == {"own": False, "python": True}
    assert answer["access"] == {"own": False, "python": True}


def test_the_dictionary_of_the_config_file_wins_over_its_text(tmp_path, monkeypatch):
    seen = []

    class Handler(logging.Handler):
        def emit(self, record):
            seen.append(record.getMessage())

    given = {
        "loggers": {"gunicorn.error": {"handlers": ["mine"], "level": "DEBUG"}},
        "root": {"handlers": []},
        "handlers": {"mine": {"()": Handler}},
    }
    module = types.ModuleType("wsgi_ts.config_file")
    module.namespace = {"logconfig_dict": given}
    monkeypatch.setitem(sys.modules, "wsgi_ts.config_file", module)
    for _ in range(2):  # HUP brings the same dictionary again
        answer = log_setup.set_up(with_dict({"handlers": "text"}))
        socket.socket(fileno=answer["fd"]).close()
    assert answer["level"] == frame.DEBUG
    logging.getLogger("gunicorn.error").debug("hello")
    assert seen == ["hello"]


def test_the_thread_hands_lines_over_and_says_so(tmp_path):
    log = tmp_path / "log"
    loggers = {
        name: {"handlers": ["file"], "level": "WARNING" if name == "gunicorn.error" else "INFO"}
        for name in ("gunicorn.error", "gunicorn.access")
    }
    answer = log_setup.set_up(with_dict(file_config(log, **loggers)))
    entry = struct.Struct("<BBd")
    with socket.socket(fileno=answer["fd"]) as node:
        node.settimeout(10)
        frames = [
            (frame.ENTRY, entry.pack(frame.INFO, 0, 1000.0) + b"below the level"),
            (frame.ENTRY, entry.pack(frame.INFO, 1, 1000.0) + b"judged, 100%"),
            (
                frame.ACCESS,
                json.dumps([1000, {"h": "::1", "r": "GET / \\x9b", "{x-tag}i": "t"}]).encode(),
            ),
            (frame.ACCESS, b"no JSON"),
        ]
        node.sendall(b"".join(frame.encode_frame(kind, 0, payload) for kind, payload in frames))
        handled, complaints, rest = 0, [], b""
        while handled < len(frames):
            read, rest = frame.decode_frames(rest + node.recv(65536))
            for kind, _, payload in read:
                if kind == frame.HANDLED:
                    handled += frame.decode_number(payload)
                else:
                    complaints.append((kind, payload[0], payload[1:]))
    assert log.read_text().splitlines() == ["judged, 100%", '::1 "GET / \\x9b" t']
    [(kind, level, text)] = complaints
    assert (kind, level) == (frame.RECORD, frame.WARNING)
    assert b"JSONDecodeError" in text


def test_atoms_are_found_in_any_case_and_a_dash_stands_for_none():
    atoms = Atoms({"h": "::1", "{x-tag}i": "t", "{path_info}e": "/"})
    names = "%(h)s %({X-Tag}i)s %({PATH_INFO}e)s %({HTTP_X_TAG}e)s %({none}o)s %(zz)s"
    assert names % atoms == "::1 t / t - -"


def test_files_of_all_loggers_are_opened_anew(tmp_path):
    path = tmp_path / "app.log"
    handler = logging.FileHandler(path)
    logger = logging.getLogger("an.app.of.its.own")
    logger.addHandler(handler)
    logger.warning("one")
    path.rename(tmp_path / "app.log.1")
    reopening.reopen()
    logger.warning("two")
    assert path.read_text() == "two\n"
    logger.removeHandler(handler)
    handler.close()


def test_waiting_connections_are_counted():
    answer = sockets.listen({"kind": "tcp", "host": "127.0.0.1", "port": 0}, 10)
    try:
        assert backlog.waiting() == 0
        with socket.create_connection(("127.0.0.1", answer["address"]["port"])):
            assert backlog.waiting() == 1
    finally:
        sockets.close()
    assert backlog.waiting() is None
