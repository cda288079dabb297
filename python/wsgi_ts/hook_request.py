"""`pre_request` and `post_request`: what they get, and when they are called.

gateway.py has a RequestHooks where the settings file has such a hook, and None elsewhere. Called on the
thread that runs the request. Whatever a hook raises ends here or, for pre_request, in an answer of 500:
it must never end the thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from .absent import Described
from .environ import Environ
from .faults import HookFault, RequestTimeout
from .hook_log import Log
from .hook_objects import Config, Worker
from .hook_table import Hook
from .tracebacks import own_traceback, summarize

if TYPE_CHECKING:
    from .response import Response

_METHOD, _PATH, _QUERY, _TARGET, _PROTOCOL, _SCRIPT_NAME, _ADDRESS, _PORT = range(8)
_SCHEME = 10
_FIRST_HEADER = 11
"""Indexes among the fields of a head (src/bridge/request-head.ts)."""

_CONNECTION = "connections are Node's, and Python never sees one"


class Request(Described):
    """`req`: a request as gunicorn's parser tells of it. What pre_request changes, the app gets."""

    _title = "req"
    _absent: ClassVar[Mapping[str, str]] = {
        "unreader": _CONNECTION,
        "parser": _CONNECTION,
        "req_number": _CONNECTION,
        "must_close": _CONNECTION,
        "force_close": _CONNECTION,
        "should_close": _CONNECTION,
        "set_body_reader": "the body is received whole before the app is called: read req.body",
        "proxy_protocol_info": "the PROXY protocol is Node's; req.remote_addr is the client that it named",
    }

    def __init__(self, head: str, body: BinaryIO, cfg: Config) -> None:
        """Describe the request whose head is `head`."""
        fields = head.split("\n")
        self.cfg = cfg
        self.method = fields[_METHOD]
        self.uri = fields[_TARGET]
        self.query = fields[_QUERY]
        self.fragment = ""  # no part of a request (RFC 9112 section 3.2)
        major, _, minor = fields[_PROTOCOL].partition("/")[2].partition(".")
        self.version = (int(major), int(minor or 0))
        self.scheme = fields[_SCHEME]
        self.path = self.uri.partition("?")[0]
        if not self.path.startswith("/"):  # a whole URL (RFC 9112 section 3.2.2)
            self.path = fields[_SCRIPT_NAME] + fields[_PATH]
        address, port = fields[_ADDRESS], fields[_PORT]
        self.remote_addr: Any = (address, int(port or 0)) if address else ""
        self.peer_addr = self.remote_addr
        names = range(_FIRST_HEADER, len(fields) - 1, 2)
        # A colon in front: a key of environ that is no header of the client's.
        self.headers = [
            (fields[at].upper(), fields[at + 1]) for at in names if fields[at][:1] != ":"
        ]
        self.trailers: list[tuple[str, str]] = []
        self.body = body
        if cfg.proxy_protocol == "off":
            self.proxy_protocol_info = None
        self._fields = fields
        self._told = self._says()

    def head(self) -> str:
        """Return the head with what a hook has changed in it; raises ValueError for what can't be in one."""
        says = self._says()
        if says == self._told:
            return "\n".join(self._fields)
        method, uri, query, path, scheme, headers = says
        fields = self._fields[:_FIRST_HEADER]
        fields[_METHOD], fields[_QUERY], fields[_TARGET], fields[_SCHEME] = (
            method,
            query,
            uri,
            scheme,
        )
        if path != self._told[3]:
            fields[_PATH] = _below(path, fields[_SCRIPT_NAME])
        if headers == self._told[5]:
            fields += self._fields[_FIRST_HEADER:]
        else:
            for at in range(_FIRST_HEADER, len(self._fields) - 1, 2):
                if self._fields[at].startswith(":"):
                    fields += self._fields[at : at + 2]
            for name, value in headers:
                if not name or name.startswith(":"):
                    raise ValueError(f"{name!r} is not a header name")
                fields += (name, value)
        for field in fields:
            if not isinstance(field, str) or "\n" in field or "\r" in field:
                raise ValueError(f"{field!r} can't be part of a request's head")
        return "\n".join(fields)

    def _says(self) -> tuple[str, str, str, str, str, list[tuple[str, str]]]:
        return (self.method, self.uri, self.query, self.path, self.scheme, list(self.headers))


class ResponseSeen(Described):
    """`resp`: what was answered, read from `response` at the moment of asking."""

    _title = "resp"
    _absent: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("sock", "chunked", "must_close", "upgrade", "close", "write", "send_headers"),
        "the answer is written by Node; resp.status, headers, sent and response_length tell of it",
    )

    def __init__(self, response: Response, req: Request) -> None:
        """Show `response`, which answers `req`."""
        self.req = req
        self.cfg = req.cfg
        self._response = response
        self.status, self.headers = response.told()

    @property
    def status_code(self) -> int | None:
        """The status as a number; None where the app gave none."""
        return self._response.status or None

    @property
    def headers_sent(self) -> bool:
        """Whether the head is on its way to the client."""
        return self._response.head_sent

    @property
    def response_length(self) -> int | None:
        """What `Content-Length` says; None where it is not there."""
        return self._response.content_length

    @property
    def sent(self) -> int:
        """Bytes of the body that were handed to the client's connection, or to Node to be read from a file."""
        return self._response.sent


class RequestHooks:
    """The two hooks of one worker; `begin` makes what goes with one request."""

    def __init__(self, hooks: Mapping[str, Hook], worker: Worker, log: Log) -> None:
        """Call those of `hooks` that are there."""
        self.before = hooks.get("pre_request")
        self.after = hooks.get("post_request")
        self.worker = worker
        self.log = log

    def begin(self, head: str, body: BinaryIO) -> HookedRequest:
        """Return the hooks' view of a request."""
        self.worker.nr += 1
        return HookedRequest(self, Request(head, body, self.worker.cfg))


class HookedRequest:
    """One request that hooks see."""

    def __init__(self, hooks: RequestHooks, req: Request) -> None:
        """Nothing is called yet."""
        self._hooks = hooks
        self._req = req
        self._reached = False

    def before(self) -> str:
        """Call pre_request; return the head as it shall be now. Raises HookFault where it fails."""
        hook = self._hooks.before
        try:
            if hook is not None:
                hook(self._hooks.worker, self._req)
            head = self._req.head()
        except RequestTimeout:
            raise
        except BaseException as error:  # sys.exit() too: it ends the request, not the worker
            raise HookFault(describe("pre_request", error)) from None
        self._reached = True
        return head

    def after(self, environ: Environ, response: Response) -> None:
        """Call post_request; what it raises is logged.

        As with gunicorn, `resp` is None after a pre_request that failed.
        """
        hook = self._hooks.after
        if hook is None:
            return
        try:
            resp = ResponseSeen(response, self._req) if self._reached else None
            hook(self._hooks.worker, self._req, environ, resp)
        except RequestTimeout:
            return  # the answer's time limit, which came too late: threads.py settles it
        except BaseException as error:
            self._hooks.log.error(describe("post_request", error))


def describe(name: str, error: BaseException) -> str:
    """Return what the log says of a hook that raised."""
    return f"The hook {name} failed: {summarize(error)}\n{own_traceback(error)}"


def _below(path: str, script_name: str) -> str:
    """Return `path` without `script_name` at its front, as gunicorn does."""
    rest = path[len(script_name) :]
    inside = path.startswith(script_name) and (not rest or rest.startswith("/"))
    return rest if inside else path
