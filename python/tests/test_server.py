"""A server's threads, seen from Node's end: order, streams, time limits, stop."""

import contextlib
import os
import socket
import threading
import time

import pytest
from node_end import open_descriptors, read_to_end, serving, stream_of

from wsgi_ts import frame

RACES = int(os.environ.get("WSGI_TS_RACES", "1000"))
"""Requests that take about as long as the limit; `WSGI_TS_RACES=10000` for more."""


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode("latin-1")]


def read_poking(node, kind=frame.POKE, payload=b""):
    """Return the next frame, telling the control thread `kind` for as long as none comes, as Node does."""
    node.requests.settimeout(0.05)
    try:
        while True:
            node.tell(kind, payload=payload)
            with contextlib.suppress(socket.timeout):  # TimeoutError only from 3.10 on
                return node.read()
    finally:
        node.requests.settimeout(10)


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        os.sched_yield()


def log_text(payload):
    return payload[1:].decode()


@pytest.mark.parametrize("threads", [1, 4])
def test_many_requests_are_each_answered_once(threads):
    with serving(hello, threads) as node:
        expected = {node.send(path=f"/{index}"): f"/{index}".encode() for index in range(500)}
        seen = {}
        while len(seen) < len(expected):
            kind, exchange, payload = node.read()
            assert kind == frame.RESPONSE
            assert exchange not in seen
            seen[exchange] = payload[-len(expected[exchange]) :]
            if len(seen) % 50 == 0:
                node.tell(frame.POKE)
        assert seen == expected


def test_a_poke_wakes_a_second_thread_while_the_first_is_in_a_view():
    release = threading.Event()

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/wait":
            release.wait(10)
        return hello(environ, start_response)

    with serving(app, threads=2) as node:
        waiting = node.send(path="/wait")
        others = {node.send(path="/other") for _ in range(20)}
        answered = set()
        while answered != others:
            answered.add(read_poking(node)[1])
        release.set()
        assert node.read()[1] == waiting


def test_a_stream_hands_on_each_block_before_the_next_is_asked_for():
    asked = threading.Semaphore(0)

    def app(environ, start_response):
        start_response("200 OK", [])

        def blocks():
            for block in (b"one", b"two"):
                yield block
                asked.acquire(timeout=10)

        return blocks()

    with serving(app) as node:
        exchange = node.send()
        kind, of, payload = node.read()
        assert (kind, of) == (frame.RESPONSE_STREAM, exchange)
        with stream_of(payload) as reader:
            assert reader.recv(100) == b"one"
            asked.release()
            assert reader.recv(100) == b"two"
            asked.release()
            assert read_to_end(reader) == b""
        assert node.read() == (frame.END, exchange, bytes([frame.COMPLETE]))


@pytest.mark.parametrize("forked", [False, True], ids=["alone", "with a forked child"])
def test_a_stream_whose_client_left_is_closed(forked):
    closed = threading.Event()
    children = []

    class Endless:
        def __iter__(self):
            return self

        def __next__(self):
            if forked and not children:
                ready, gate = os.pipe()
                child = os.fork()
                if child == 0:
                    os.close(gate)
                    os.read(ready, 1)
                    os._exit(0)
                os.close(ready)
                children.append((child, gate))
            return b"x" * 65536

        def close(self):
            closed.set()

    def app(environ, start_response):
        start_response("200 OK", [])
        return Endless()

    with serving(app) as node:
        exchange = node.send()
        _, _, payload = node.read()
        with stream_of(payload) as reader:
            reader.recv(100)
        node.tell(frame.ABORT, exchange)
        assert node.read() == (frame.END, exchange, bytes([frame.FAILED]))
        assert closed.wait(10)
        for child, gate in children:
            os.close(gate)
            os.waitpid(child, 0)


def test_a_file_goes_as_a_descriptor_and_is_closed_when_node_says_so(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(b"0123456789" * 100_000)
    files = []

    def app(environ, start_response):
        start_response("200 OK", [])
        file = path.open("rb")
        file.seek(10)
        files.append(file)
        return environ["wsgi.file_wrapper"](file)

    with serving(app) as node:
        exchange = node.send()
        kind, _, payload = node.read()
        assert kind == frame.RESPONSE_FILE
        head, behind = frame.decode_request(payload)
        fd = frame.decode_number(behind[:4])
        offset, length = (int.from_bytes(behind[at : at + 8], "little") for at in (4, 12))
        assert (offset, length) == (10, 999_990)
        assert "Content-Length\n999990" in head
        assert os.pread(fd, 10, offset) == b"0123456789"
        os.close(fd)
        assert not files[0].closed
        node.release(exchange)
        wait_for(lambda: files[0].closed)


def test_a_view_that_spins_is_interrupted_and_its_thread_serves_on():
    def app(environ, start_response):
        while environ["PATH_INFO"] == "/spin":
            pass
        return hello(environ, start_response)

    with serving(app) as node:
        spinning = node.send(path="/spin")
        kind, exchange, stack = read_poking(node, frame.EXPIRE, frame.NUMBER.pack(50))
        assert (kind, exchange) == (frame.TIMED_OUT, spinning)
        assert "in app" in stack.decode()
        assert "threading.py" not in stack.decode()
        assert node.read()[:2] == (frame.END, spinning)
        assert node.read_response(node.send(path="/next"))[2] == b"/next"


def test_an_interruption_never_reaches_the_next_request():
    def app(environ, start_response):
        deadline = time.monotonic() + 0.001
        while time.monotonic() < deadline:
            pass
        return hello(environ, start_response)

    with serving(app) as node:
        for _ in range(RACES):
            exchange = node.send()
            node.tell(frame.EXPIRE, payload=frame.NUMBER.pack(1))
            kinds = set()
            while not kinds & {frame.RESPONSE, frame.END}:
                kind, of, payload = node.read()
                if of < exchange:  # one was interrupted behind its answer: Node ignores it
                    assert kind in (frame.TIMED_OUT, frame.END)
                    continue
                assert of == exchange, payload
                kinds.add(kind)
            # Interrupted or not: a request is answered, or it was reported as timed out.
            assert frame.RESPONSE in kinds or frame.TIMED_OUT in kinds


def test_a_thread_stuck_in_c_is_replaced():
    release = threading.Event()

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/stuck":
            release.wait(30)  # waits in C: an exception doesn't free it
        return hello(environ, start_response)

    with serving(app) as node:
        stuck = node.send(path="/stuck")
        kind, exchange, _ = read_poking(node, frame.EXPIRE, frame.NUMBER.pack(20))
        assert (kind, exchange) == (frame.TIMED_OUT, stuck)
        assert node.read_response(node.send(path="/next"))[2] == b"/next"
        release.set()
        assert node.read()[:2] == (frame.END, stuck)


def test_a_duplicate_is_closed_in_children_and_a_bad_descriptor_is_refused():
    with serving(hello) as node:
        node.tell(frame.DUPLICATE, payload=frame.NUMBER.pack(node.control.fileno()))
        _, _, payload = node.read()
        asked, duplicate = (int.from_bytes(payload[at : at + 4], "little") for at in (0, 4))
        assert asked == node.control.fileno()
        assert not os.get_inheritable(duplicate)
        result, report = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.fstat(duplicate)
                os.write(report, b"open")
            except OSError:
                os.write(report, b"closed")
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(result, 10) == b"closed"
        for fd in (duplicate, result, report):
            os.close(fd)
        node.tell(frame.DUPLICATE, payload=frame.NUMBER.pack(999_999))
        assert node.read()[2][4:] == frame.NUMBER.pack(frame.NO_DESCRIPTOR)


def test_what_a_view_does_wrong_is_logged_with_its_request():
    def app(environ, start_response):
        environ["wsgi.errors"].write("one\ntwo")
        if environ["PATH_INFO"] == "/exit":
            raise SystemExit(3)
        if environ["PATH_INFO"] == "/interrupt":
            raise KeyboardInterrupt
        raise ValueError("boom")

    with serving(app) as node:
        for path, name in (
            ("/", "ValueError: boom"),
            ("/exit", "SystemExit: 3"),
            ("/interrupt", "Keyb"),
        ):
            exchange = node.send(path=path)
            texts = []
            kind, of, payload = node.read()
            while kind in (frame.LOG, frame.ERRORS):
                texts.append(log_text(payload))
                kind, of, payload = node.read()
            assert (kind, of, payload) == (frame.END, exchange, bytes([frame.FAILED]))
            request = f"GET {path} from 127.0.0.1: "
            assert texts[0] == request + "one"
            assert name in texts[1]
            assert texts[1].startswith(request + "unhandled exception in the app\nTraceback")
            assert "wsgi_ts" not in texts[1]
            assert node.read()[2][1:].decode() == request + "two"


def test_servers_leave_nothing_behind():
    wait_for(lambda: threading.active_count() == 1)  # those of earlier tests
    before = open_descriptors()
    for _ in range(5):
        with serving(hello, threads=3) as node:
            node.read_response(node.send())
    wait_for(lambda: threading.active_count() == 1)
    wait_for(lambda: open_descriptors() == before)
