"""The hooks around requests: what they see and change, and what they can't break."""

import io
import threading

import pytest
from node_end import request_head, serving, split_response
from test_hook_objects import facts, server

from wsgi_ts import frame
from wsgi_ts.environ import build_environ
from wsgi_ts.hook_log import Log
from wsgi_ts.hook_objects import Config, Worker
from wsgi_ts.hook_request import Request, RequestHooks

HEADERS = [("Host", "example.org"), ("X-One", "1"), ("x-one", "2"), (":SSL_CLIENT_VERIFY", "NONE")]


def request(**head):
    return Request(request_head(headers=HEADERS, **head), io.BytesIO(b"body"), Config(facts()))


class Hooks:
    """Stands for WorkerHooks: what server.start asks."""

    def __init__(self, **hooks):
        self.log = Log()
        worker = Worker(1, server())
        self.around = RequestHooks(hooks, worker, self.log)

    def serving(self, channel):
        self.log.attach(channel)
        return self.around


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode("latin-1"), environ.get("HTTP_X_ADDED", "").encode()]


def texts_and_end(node):
    """The log entries up to the end of the exchange, and that end."""
    texts = []
    while True:
        kind, _, payload = node.read()
        if kind != frame.LOG:
            return texts, kind, payload
        texts.append((payload[0], payload[1:].decode()))


def test_a_request_is_told_as_gunicorn_does():
    req = request(method="POST", path="/a%20b", query="c=d")
    assert (req.method, req.uri, req.path, req.query) == ("POST", "/a%20b?c=d", "/a%20b", "c=d")
    assert (req.version, req.scheme, req.fragment) == ((1, 1), "http", "")
    assert req.headers == [("HOST", "example.org"), ("X-ONE", "1"), ("X-ONE", "2")]
    assert req.remote_addr == req.peer_addr == ("127.0.0.1", 50000)
    assert req.body.read() == b"body"
    assert req.proxy_protocol_info is None
    assert request(protocol="HTTP/2.0").version == (2, 0)


def test_a_head_that_no_hook_has_changed_is_the_same():
    assert request(query="x").head() == request_head(headers=HEADERS, query="x")


def test_what_a_hook_changes_is_in_the_head():
    req = request(path="/shop/old", query="q")
    req.method, req.path, req.query, req.uri = "PUT", "/shop/new", "", "/shop/new"
    req.headers.append(("X-ADDED", "yes"))
    req.headers.remove(("X-ONE", "1"))
    environ = build_environ({}, req.head(), io.BytesIO())
    assert environ["REQUEST_METHOD"] == "PUT"
    assert (environ["PATH_INFO"], environ["RAW_URI"], environ["QUERY_STRING"]) == (
        "/shop/new",
        "/shop/new",
        "",
    )
    assert (environ["HTTP_X_ADDED"], environ["HTTP_X_ONE"]) == ("yes", "2")
    assert environ["SSL_CLIENT_VERIFY"] == "NONE"


def test_a_changed_path_stays_below_the_script_name():
    fields = request_head(path="/old").split("\n")
    fields[3], fields[5] = "/shop/old", "/shop"
    req = Request("\n".join(fields), io.BytesIO(), Config(facts()))
    assert req.path == "/shop/old"
    req.path = "/shop/new"
    environ = build_environ({}, req.head(), io.BytesIO())
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/shop", "/new")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("path", "/a\nHTTP/1.0"),
        ("method", 5),
        ("headers", [("A", "b\r\nc")]),
        ("headers", [(":REMOTE_USER", "root")]),
        ("headers", [("", "x")]),
    ],
)
def test_what_can_not_be_in_a_head_is_refused(attribute, value):
    req = request()
    setattr(req, attribute, value)
    with pytest.raises(ValueError, match=r"is not a header name|can't be part of"):
        req.head()


def test_what_a_request_has_not_says_why():
    with pytest.raises(AttributeError, match=r"wsgi-ts has no `req\.unreader`: connections are"):
        request().unreader  # noqa: B018
    req = Request(request_head(), io.BytesIO(), Config(facts(proxy_protocol="v1")))
    with pytest.raises(AttributeError, match=r"req\.remote_addr is the client"):
        req.proxy_protocol_info  # noqa: B018


def test_both_hooks_are_called_around_the_app_with_the_same_request():
    seen = []

    def pre_request(worker, req):
        req.mark = "mine"
        req.headers.append(("X-ADDED", "added"))

    def post_request(worker, req, environ, resp):
        seen.append((worker.nr, req.mark, environ["PATH_INFO"], resp.req is req))
        seen.append((resp.status, resp.status_code, resp.headers_sent, resp.sent))
        seen.append((dict(resp.headers)["Content-Type"], resp.response_length))

    with serving(hello, hooks=Hooks(pre_request=pre_request, post_request=post_request)) as node:
        assert node.read_response(node.send(path="/x"))[2] == b"/xadded"
    assert seen == [
        (1, "mine", "/x", True),
        ("200 OK", 200, True, 7),
        ("text/plain", 7),
    ]


def test_post_request_comes_after_close_and_also_for_an_app_that_raises():
    order = []

    class Body(list):
        def close(self):
            order.append("close")

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/raise":
            raise ValueError("boom")
        start_response("200 OK", [])
        return Body([b"x"])

    def post_request(worker, req, environ, resp):
        order.append((req.path, resp.status, resp.status_code))

    with serving(app, hooks=Hooks(post_request=post_request)) as node:
        node.send(path="/fine")
        node.read()
        node.send(path="/raise")
        texts_and_end(node)
    assert order == ["close", ("/fine", "200 OK", 200), ("/raise", None, None)]


def test_a_pre_request_that_raises_ends_in_a_500_and_the_thread_goes_on():
    seen = []

    def pre_request(worker, req):
        if req.path == "/exit":
            raise SystemExit(1)
        if req.path == "/feed":
            req.path = "/a\nb"

    def post_request(worker, req, environ, resp):
        seen.append((environ, resp))

    with serving(hello, hooks=Hooks(pre_request=pre_request, post_request=post_request)) as node:
        for path, words in (("/exit", "SystemExit: 1"), ("/feed", "ValueError: '/a\\nb'")):
            node.send(path=path)
            [(level, text)], kind, outcome = texts_and_end(node)
            assert (level, kind, outcome) == (frame.ERROR, frame.END, bytes([frame.FAILED]))
            assert text.startswith(
                f"GET {path} from 127.0.0.1: The hook pre_request failed: {words}"
            )
            assert "wsgi_ts" not in text
        assert node.read_response(node.send(path="/next"))[2] == b"/next"
    assert seen[:2] == [({}, None), ({}, None)]


def test_a_post_request_that_raises_is_logged_behind_the_answer():
    def post_request(worker, req, environ, resp):
        raise KeyboardInterrupt

    with serving(hello, hooks=Hooks(post_request=post_request)) as node:
        node.send(path="/x")
        kind, _, payload = node.read()
        assert kind == frame.RESPONSE
        assert split_response(payload)[2] == b"/x"
        kind, _, payload = node.read()
        assert (kind, payload[0]) == (frame.LOG, frame.ERROR)
        assert payload[1:].startswith(b"The hook post_request failed: KeyboardInterrupt")
        assert node.read_response(node.send(path="/next"))[2] == b"/next"


def test_requests_whose_client_has_left_have_no_hooks():
    called = []
    with serving(hello, hooks=Hooks(pre_request=lambda worker, req: called.append(req))) as node:
        node.tell(frame.LEAVING, 1)
        node.tell(frame.DUPLICATE, payload=frame.NUMBER.pack(999_999))
        assert node.read()[0] == frame.DUPLICATED  # the control thread has come so far
        exchange = node.send()
        assert node.read() == (frame.END, exchange, bytes([frame.GONE]))
    assert called == []


def test_the_answer_is_on_its_way_before_post_request_is_called():
    release = threading.Event()

    def post_request(worker, req, environ, resp):
        release.wait(20)

    with serving(hello, hooks=Hooks(post_request=post_request)) as node:
        assert node.read_response(node.send(path="/x"))[2] == b"/x"
        release.set()
