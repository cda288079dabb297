"""A response's head: what the app says with `start_response`, checked and encoded.

One `ResponseHead` a request, used by gateway.py on the thread that runs the app. Every mistake is raised to
the app from `start_response` itself (PEP 3333, "The start_response() Callable": servers "should check for
errors in the headers at the time start_response is called"), so that the traceback names the app.
Must never do I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import TracebackType
from typing import ClassVar, Tuple, Type, Union

ExcInfo = Union[
    Tuple[Type[BaseException], BaseException, TracebackType],
    Tuple[None, None, None],
]

_REASON = re.compile(r"[1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\Z")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")  # RFC 9110 §5.6.2, token
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")  # RFC 9110 §5.5, as latin-1

# RFC 9110 §7.6.1 and PEP 3333, "Other HTTP Features": these belong to the connection, thus to the server.
_HOP_BY_HOP = frozenset(
    [
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)

_FIRST_FINAL = 200
_NO_CONTENT = 204
BODILESS = frozenset([_NO_CONTENT, 304])
"""Statuses of responses that have no body at all (RFC 9110 §6.4.1)."""

_PAIR = 2

_ORDINARY, _CONTENT_LENGTH, _SERVER, _CONNECTION = range(4)

_SPECIAL = {
    "content-length": _CONTENT_LENGTH,
    "server": _SERVER,
    # A wish that many apps express (streamed events, mostly), and that changes nothing: left out.
    "connection": _CONNECTION,
    "keep-alive": _CONNECTION,
}

_KEPT_AT_MOST = 512
"""Distinct names and status lines remembered as good: an app that invents them can't fill the memory."""


class ResponseHead:
    """What `start_response` was told.

    `status` is the code as an int (0: not called yet), `content_length` the app's own or None, `head_sent`
    whether the head went to the client.
    """

    status = 0
    content_length: int | None = None
    head_sent = False
    _called = False

    _statuses: ClassVar[dict[str, int]] = {}
    _names: ClassVar[dict[str, int]] = {}

    def __init__(self, server: str | None) -> None:
        """Prepare a head; `server` is the default `Server` value (None: none)."""
        self._server = server
        self._fields: list[str] = []

    def _begin_anew(self, exc_info: ExcInfo | None) -> None:
        """Judge a call that is not the first one, or has an `exc_info`; raises what PEP 3333 says."""
        if exc_info is None:
            raise RuntimeError("start_response was called a second time without exc_info")
        try:
            if self.head_sent:
                error = exc_info[1] or RuntimeError(
                    "the response has begun: no new head can be sent"
                )
                raise error.with_traceback(exc_info[2])
        finally:
            exc_info = None  # no circular reference through the frame

    def _take(self, status: str, headers: Iterable[tuple[str, str]]) -> None:
        """Take what the app gave to `start_response`.

        Raises TypeError or ValueError for what PEP 3333 forbids.
        """
        code = self._statuses.get(status) if type(status) is str else None
        if code is None:
            code = _check_status(status, self._statuses)
        names = self._names
        fields = [status]
        length: int | None = None
        server = self._server
        # What is of the very types that the PEP names is told by them; a subclass takes the longer way.
        for item in headers:
            if type(item) is not tuple or len(item) != _PAIR:
                _check_item(item)
            name, value = item
            meaning = names.get(name) if type(name) is str else None
            if meaning is None:
                meaning = _check_name(name, names)
            if type(value) is not str and not isinstance(value, str):
                raise TypeError(
                    f"the value of response header {name!r} must be str, not {_type_name(value)}"
                )
            if not (value.isascii() and value.isprintable()) and not _VALUE.match(value):
                raise ValueError(
                    f"the value of response header {name!r} holds a character that is not allowed: {value!r}"
                )
            if meaning:
                if meaning == _CONNECTION:
                    continue
                if meaning == _SERVER:
                    server = None
                else:
                    told, length = length, _check_length(value, length)
                    if told is not None:
                        continue
            fields.append(name)
            fields.append(value)
        if server is not None:
            fields.append("Server")
            fields.append(server)
        self._fields = fields
        self.content_length = length
        self.status = code

    def told(self) -> tuple[str | None, list[tuple[str, str]]]:
        """Return the status line (None: not told yet) and the fields, as far as they are known."""
        fields = self._fields
        return (fields[0] if fields else None), list(zip(fields[1::2], fields[2::2]))

    @staticmethod
    def encode_hints(headers: Iterable[tuple[str, str]]) -> bytes:
        """Return the fields of a 103 (RFC 8297) as they go into a frame, checked as `take` does.

        Raises TypeError or ValueError for what is no header, or can't be one of a 103.
        """
        head = ResponseHead(None)
        head._take("200 OK", headers)
        if head.content_length is not None:
            raise ValueError("a 103 response has no body: Content-Length may not be set (RFC 8297)")
        return "\n".join(head._fields[1:]).encode("latin-1")

    def declare_length(self, length: int) -> None:
        """Add a `Content-Length` that the app left out, its body being known whole."""
        self.content_length = length
        self._fields += ("Content-Length", str(length))

    def encode(self) -> bytes:
        """Return the head as it goes into a frame: status line, name, value, … separated by line feeds."""
        # RFC 9110 §8.6: no length in a 204
        if self.status == _NO_CONTENT and self.content_length is not None:
            fields = self._fields[:1]
            for name, value in zip(self._fields[1::2], self._fields[2::2]):
                if name.lower() != "content-length":
                    fields += (name, value)
            self._fields = fields
        return "\n".join(self._fields).encode("latin-1")


def _type_name(value: object) -> str:
    return type(value).__name__


def _check_item(item: object) -> None:
    if not isinstance(item, (tuple, list)) or len(item) != _PAIR:
        raise TypeError(f"each response header must be a (name, value) tuple, not {item!r}")


def _check_status(status: object, known: dict[str, int]) -> int:
    if not isinstance(status, str):
        raise TypeError(f"the response status must be str, not {_type_name(status)}")
    if not _REASON.match(status):
        raise ValueError(f"the response status must look like '200 OK', not {status!r}")
    code = int(status[:3])
    if code < _FIRST_FINAL:
        raise ValueError(f"the response status must be a final one (200 or above), not {status!r}")
    if len(known) < _KEPT_AT_MOST:
        known[status] = code
    return code


def _check_name(name: object, known: dict[str, int]) -> int:
    if not isinstance(name, str):
        raise TypeError(f"response header names must be str, not {_type_name(name)}")
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is not a header name")
    lower = name.lower()
    if lower in _HOP_BY_HOP:
        raise ValueError(
            f"response header {name!r} belongs to the connection and may not be set by an app (PEP 3333)"
        )
    meaning = _SPECIAL.get(lower, _ORDINARY)
    if len(known) < _KEPT_AT_MOST:
        known[name] = meaning
    return meaning


def _check_length(value: str, earlier: int | None) -> int:
    if not (value.isascii() and value.isdigit()):
        raise ValueError(f"Content-Length must be a number, not {value!r}")
    length = int(value)
    if earlier is not None and earlier != length:
        raise ValueError(f"Content-Length is given twice: {earlier} and {length}")
    return length
