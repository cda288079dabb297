"""What a hook's log calls become."""

import logging
import os

import pytest

from wsgi_ts import frame
from wsgi_ts.hook_log import Log


class Wire:
    """A channel that keeps what is sent."""

    def __init__(self):
        self.closed = False
        self.sent = []

    def send(self, data):
        [(kind, exchange, payload)], _ = frame.decode_frames(data)
        assert (kind, exchange) == (frame.LOG, 0)
        self.sent.append((payload[0], payload[1:].decode()))


def test_each_method_has_its_level_and_fills_in_arguments_as_logging_does():
    log = Log()
    log.debug("plain %s %d%%")
    log.info("%s and %s", 1, 2)
    log.warning("%(name)s", {"name": "mapped"})
    log.error("100%", extra={"metric": 1}, stack_info=False)
    log.critical("%d", "no number")
    log.log(logging.WARNING, "by number")
    log.log("ERROR", "by name")
    log.log(5, "below debug")
    assert log.take() == [
        ("debug", "plain %s %d%%"),
        ("info", "1 and 2"),
        ("warning", "mapped"),
        ("error", "100%"),
        ("critical", "%d ('no number',)"),
        ("warning", "by number"),
        ("error", "by name"),
        ("debug", "below debug"),
    ]
    assert log.take() == []


def test_exceptions_come_with_the_persons_traceback():
    log = Log()
    try:
        raise ValueError("boom")
    except ValueError as error:
        log.exception("one")
        log.warning("two", exc_info=error)
        log.info("three", exc_info=(type(error), error, error.__traceback__))
    log.info("four", exc_info=True)
    texts = [text for _, text in log.take()]
    for name, text in zip(("one", "two", "three"), texts):
        assert text.startswith(f"{name}\nTraceback (most recent call last):\n")
        assert text.endswith("ValueError: boom")
    assert texts[3] == "four"


def test_lines_go_down_the_channel_while_it_is_open():
    log, wire = Log(), Wire()
    log.info("before")
    log.attach(wire)
    log.error("during")
    wire.closed = True
    log.info("after")
    assert wire.sent == [(frame.INFO, "before"), (frame.ERROR, "during")]
    assert log.take() == [("info", "after")]


def test_too_long_a_line_is_cut_and_too_many_drop_the_oldest():
    log = Log()
    log.info("x" * 100_000)
    assert log.take()[0][1].endswith("… (34464 characters left out)")
    for number in range(10_001):
        log.info(number)
    assert log.take()[0] == ("info", "1")


def test_last_words_go_straight_to_the_file_escaped_and_by_level(tmp_path):
    log = Log()
    file = tmp_path / "error.log"
    log.write_to(str(file), "warning")
    log.info("unseen")
    log.error("red \x1b[31m\nsecond \udcff")
    [first, second] = file.read_text().splitlines()
    assert first.endswith(f"] [{os.getpid()}] [ERROR] red \\x1b[31m")
    assert second == "second \\udcff"


def test_in_a_forked_child_lines_go_to_standard_error(capfd):
    log = Log()
    child = os.fork()
    if child == 0:
        log.info("from the child")
        os._exit(0)
    os.waitpid(child, 0)
    assert log.take() == []
    assert "from the child" in capfd.readouterr().err


def test_what_there_is_not_says_why():
    with pytest.raises(AttributeError, match=r"wsgi-ts has no `log\.error_log`: the log is Node's"):
        Log().error_log  # noqa: B018
