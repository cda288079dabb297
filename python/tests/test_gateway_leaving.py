"""Clients that leave, as Node tells it: before the app is called, while it runs, while it streams."""

import os
import threading

import pytest
from node_end import open_descriptors, read_to_end, request_head, serving, stream_of

from wsgi_ts import frame

GONE = bytes([frame.GONE])


class Held:
    """An app whose `/held` waits until the test lets it go, and which remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.inside = threading.Semaphore(0)
        self.release = threading.Semaphore(0)
        self.environ = None

    def __call__(self, environ, start_response):
        self.asked.append(environ["PATH_INFO"])
        self.environ = environ
        if environ["PATH_INFO"] == "/held":
            self.inside.release()
            self.release.acquire(timeout=10)
        start_response("200 OK", [])
        return [str(environ["wsgi_ts.disconnected"]()).encode()]


def barrier(node):
    """Return once the control thread has done what it was told before."""
    node.tell(frame.EXPIRE, payload=frame.NUMBER.pack(3_600_000))
    while node._read()[0] != frame.EXPIRED:
        pass


@pytest.mark.parametrize("kind", [frame.ABORT, frame.LEAVING], ids=["gone", "leaving"])
def test_an_app_is_not_called_for_a_client_that_left_while_it_waited(kind):
    app = Held()
    with serving(app) as node:
        held = node.send(path="/held")
        app.inside.acquire(timeout=10)
        left, stays = node.send(path="/left"), node.send(path="/stays")
        node.tell(kind, left)
        barrier(node)
        app.release.release()
        assert node.read_response(held)[2] == b"False"
        assert node.read() == (frame.END, left, GONE)
        assert node.read_response(stays)[2] == b"False"
        assert app.asked == ["/held", "/stays"]


def test_the_word_may_come_before_the_request():
    app = Held()
    with serving(app) as node:
        node.tell(frame.ABORT, 1)
        barrier(node)
        assert node.send(path="/left") == 1
        assert node.read() == (frame.END, 1, GONE)
        assert app.asked == []


def test_a_body_in_a_file_is_closed_although_the_app_is_not_called():
    app = Held()
    with serving(app) as node:
        node.tell(frame.ABORT, 1)
        barrier(node)
        before = open_descriptors()
        fd = os.dup(0)
        text = request_head(method="POST").encode("latin-1")
        payload = frame.NUMBER.pack(len(text)) + text + frame.NUMBER.pack(fd)
        node.requests.sendall(frame.encode_frame(frame.REQUEST_FILE, 1, payload))
        assert node.read() == (frame.END, 1, GONE)
        assert open_descriptors() == before
        assert app.asked == []


def test_what_was_said_of_an_exchange_is_forgotten_with_it():
    app = Held()
    with serving(app) as node:
        node.tell(frame.ABORT, 1)
        node.tell(frame.LEAVING, 1)
        node.tell(frame.FORGET, 1)
        barrier(node)
        assert node.read_response(node.send(path="/again"))[2] == b"False"


@pytest.mark.parametrize("kind", [frame.ABORT, frame.LEAVING], ids=["gone", "leaving"])
def test_an_app_that_runs_is_told_when_it_asks_and_is_still_heard(kind):
    app = Held()
    with serving(app) as node:
        exchange = node.send(path="/held")
        app.inside.acquire(timeout=10)
        disconnected = app.environ["wsgi_ts.disconnected"]
        assert disconnected() is False
        node.tell(kind, exchange)
        barrier(node)
        assert disconnected() is True
        app.release.release()
        assert node.read_response(exchange)[2] == b"True"
        node.tell(frame.FORGET, exchange)
        barrier(node)
        assert disconnected() is True  # as it was


def test_an_answer_that_is_given_says_nothing_of_later_requests():
    app = Held()
    with serving(app) as node:
        exchange = node.send()
        node.read_response(exchange)
        disconnected = app.environ["wsgi_ts.disconnected"]
        node.tell(frame.ABORT, exchange)  # an id that came back
        barrier(node)
        assert disconnected() is False


class Stream:
    """Blocks one by one, as the test asks; `close` tells what it knew then."""

    def __init__(self):
        self.more = threading.Semaphore(1)
        self.closed = threading.Event()
        self.known = None

    def __call__(self, environ, start_response):
        start_response("200 OK", [])
        self.disconnected = environ["wsgi_ts.disconnected"]
        return self

    def __iter__(self):
        return self

    def __next__(self):
        self.more.acquire(timeout=10)
        return b"block"

    def close(self):
        self.known = self.disconnected()
        self.closed.set()


def test_a_stream_goes_on_to_a_client_that_only_ended_its_side():
    app = Stream()
    with serving(app) as node:
        exchange = node.send()
        with stream_of(node.read()[2]) as reader:
            assert reader.recv(100) == b"block"
            assert app.disconnected() is False
            node.tell(frame.LEAVING, exchange)
            barrier(node)
            assert app.disconnected() is True
            app.more.release()
            assert reader.recv(100) == b"block"
            node.tell(frame.ABORT, exchange)
            barrier(node)
            app.more.release()
            assert read_to_end(reader) == b""
        assert node.read() == (frame.END, exchange, bytes([frame.FAILED]))
        assert app.closed.wait(10)
        assert app.known is True


def test_many_words_of_exchanges_that_come_and_go_leave_nothing():
    app = Held()
    with serving(app) as node:
        for _ in range(200):
            exchange = node.send()
            node.tell(frame.ABORT, exchange)
            kind, of, payload = node.read()
            # Which of the two was faster is left open.
            assert of == exchange
            assert kind == frame.RESPONSE or (kind, payload) == (frame.END, GONE)
            node.tell(frame.FORGET, exchange)
        barrier(node)
        node._last = 0  # the ids come back
        for _ in range(200):
            assert node.read_response(node.send())[2] == b"False"
