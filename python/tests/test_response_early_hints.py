"""`wsgi.early_hints`: what reaches Node, what is refused, and when nothing is said."""

import pytest
from node_end import read_to_end, serving, split_response, stream_of

from wsgi_ts import frame

LINK = ("Link", "</a.css>; rel=preload")


class Hinting:
    """An app that gives `hints`, one call each, and keeps what was raised."""

    def __init__(self, *hints):
        self.hints = hints
        self.raised = []
        self.environ = None

    def __call__(self, environ, start_response):
        self.environ = environ
        for fields in self.hints:
            try:
                assert environ["wsgi.early_hints"](fields) is None
            except (TypeError, ValueError) as error:
                self.raised.append(error)
        start_response("200 OK", [])
        return [b"answer"]


def test_each_call_is_a_frame_before_the_answer():
    app = Hinting([LINK], iter([LINK, ("X-A", "caf\xe9")]))
    with serving(app) as node:
        exchange = node.send()
        assert node.read() == (frame.EARLY_HINTS, exchange, b"Link\n</a.css>; rel=preload")
        assert node.read() == (
            frame.EARLY_HINTS,
            exchange,
            b"Link\n</a.css>; rel=preload\nX-A\ncaf\xe9",
        )
        assert node.read_response(exchange)[2] == b"answer"


@pytest.mark.parametrize(
    ("field", "error"),
    [
        (("Link", "a\r\nX: 1"), ValueError),
        (("Link", "a\n"), ValueError),
        (("Link", "a\0"), ValueError),
        (("Link", "\u2603"), ValueError),
        (("Li nk", "a"), ValueError),
        (("", "a"), ValueError),
        (("Link\r\n", "a"), ValueError),
        (("Transfer-Encoding", "chunked"), ValueError),
        (("Upgrade", "h2c"), ValueError),
        (("Content-Length", "3"), ValueError),
        (("Content-Length", "x"), ValueError),
        ((b"Link", "a"), TypeError),
        (("Link", b"a"), TypeError),
        (("Link", None), TypeError),
        ("Link", TypeError),
        (("Link",), TypeError),
    ],
)
@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/1.0"])
def test_what_start_response_refuses_is_raised_to_the_app_and_nothing_is_sent(
    field, error, protocol
):
    app = Hinting([LINK, field])
    with serving(app) as node:
        exchange = node.send(protocol=protocol)
        assert node.read_response(exchange)[2] == b"answer"
    [raised] = app.raised
    assert type(raised) is error


def test_what_belongs_to_the_connection_is_left_out():
    app = Hinting([("Connection", "close"), LINK, ("Keep-Alive", "timeout=1")])
    with serving(app) as node:
        exchange = node.send()
        assert node.read() == (frame.EARLY_HINTS, exchange, b"Link\n</a.css>; rel=preload")


def test_an_old_client_is_told_nothing_and_no_hints_are_no_frame():
    app = Hinting([LINK], [])
    with serving(app) as node:
        assert node.read_response(node.send(protocol="HTTP/1.0"))[2] == b"answer"
    app.hints = ([], iter(()), [("Connection", "close")])
    with serving(app) as node:
        assert node.read_response(node.send())[2] == b"answer"
    assert app.raised == []


def test_nothing_is_said_once_the_head_has_been_sent():
    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"one"
        environ["wsgi.early_hints"]([LINK])
        yield b"two"

    with serving(app) as node:
        exchange = node.send()
        kind, _, payload = node.read()
        assert kind == frame.RESPONSE_STREAM
        with stream_of(payload) as reader:
            assert read_to_end(reader) == b"onetwo"
        assert node.read() == (frame.END, exchange, bytes([frame.COMPLETE]))

    late = Hinting()
    with serving(late) as node:
        node.read_response(node.send())
        late.environ["wsgi.early_hints"]([LINK])
        node.send()
        kind, _, payload = node.read()
        assert kind == frame.RESPONSE
        assert split_response(payload)[0] == "200 OK"


def test_hints_may_come_between_start_response_and_the_first_block():
    def app(environ, start_response):
        start_response("200 OK", [])
        environ["wsgi.early_hints"]([LINK])
        return [b"answer"]

    with serving(app) as node:
        exchange = node.send()
        assert node.read()[0] == frame.EARLY_HINTS
        assert node.read_response(exchange)[2] == b"answer"
