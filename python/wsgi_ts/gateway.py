"""One request: `environ`, the app, and its response as frames.

`Gateway.serve` is called by the pool's threads (threads.py), each request on one thread from its start to its
end. A body that is whole when it is first seen goes out with its head in one frame; a regular file goes as a
descriptor; anything else is streamed on a socket of its own. Every way out ends the exchange with exactly one
of: a `RESPONSE` frame, a `RESPONSE_FILE` frame, an `END` frame. Must never let an app's exception escape.
"""

from __future__ import annotations

import io
import os
import time
from typing import Any, BinaryIO, Callable, Iterable, Iterator

from . import frame
from .channel import Channel
from .environ import Environ, build_environ, request_line
from .error_stream import ErrorStream
from .faults import ProtocolError, RequestTimeout, describe_exception
from .file_wrapper import FileWrapper, file_range
from .start_response import ResponseHead
from .stream import ClientGone, Stream

WSGIApp = Callable[[Environ, Any], Iterable[bytes]]

_WHOLE_AT_MOST = 128 * 1024
"""Bytes of a body that go in one frame with the head; longer ones would hold up the other exchanges."""


class Gateway:
    """Runs an app for one server. `base` is what every environ has in common."""

    def __init__(self, app: WSGIApp, base: Environ, channel: Channel, server: str | None) -> None:
        """Serve `app`; `server` is the default `Server` header (None: none)."""
        self._app = app
        self._base = base
        self._channel = channel
        self._server = server
        self._errors: ErrorStream = base["wsgi.errors"]
        self._streams: dict[int, Stream] = {}
        self._sent_as_file: dict[int, FileWrapper] = {}

    def serve(self, exchange: int, kind: int, payload: bytes) -> None:
        """Answer one `REQUEST` or `REQUEST_FILE`, or do the closing that a `RELEASE` allows."""
        if kind == frame.RELEASE:
            self._close("", self._sent_as_file.pop(exchange, None))
            return
        head, rest = frame.decode_request(payload)
        body: BinaryIO = (
            io.BytesIO(rest)
            if kind == frame.REQUEST
            else os.fdopen(frame.decode_number(rest), "rb")
        )
        self._errors.enter(head)
        call = _Call(self, exchange, head)
        result: Any = None
        try:
            result = self._app(build_environ(self._base, head, body), call.head.start_response)
            call.respond(result)
        except (ClientGone, RequestTimeout):
            call.finish(frame.FAILED)
        except BaseException as error:
            # sys.exit() and KeyboardInterrupt in a view are the view's failure, not the server's end.
            self.log(head, describe_exception(error))
            call.finish(frame.FAILED)
        finally:
            if not call.sent_as_file:
                self._close(head, result)
            body.close()
            self._errors.enter("")

    def abort(self, exchange: int) -> None:
        """Tell a streamed response that its client is gone (called by the control thread)."""
        stream = self._streams.get(exchange)
        if stream is not None:
            stream.abort()

    def _close(self, head: str, result: object) -> None:
        """Call the iterable's `close` (PEP 3333: however the request ended)."""
        close = getattr(result, "close", None)
        if close is None:
            return
        try:
            close()
        except BaseException as error:  # as above
            self.log(head, describe_exception(error))

    def log(self, head: str, text: str) -> None:
        """Log `text` as an error, with the request that `head` belongs to ("": none)."""
        if head:
            text = f"{request_line(head)}: {text}"
        self._channel.send(frame.encode_log(0, frame.ERROR, text))


class _Call:
    """One call of the app: what has been sent of its response so far."""

    __slots__ = (
        "_excess_reported",
        "_exchange",
        "_gateway",
        "_request",
        "_sent",
        "_stream",
        "head",
        "sent_as_file",
    )

    def __init__(self, gateway: Gateway, exchange: int, request: str) -> None:
        self._gateway = gateway
        self._exchange = exchange
        self._request = request
        self._stream: Stream | None = None
        self._sent = 0
        self._excess_reported = False
        self.sent_as_file = False
        self.head = ResponseHead(self._write, gateway._server)

    def respond(self, result: Any) -> None:  # noqa: ANN401
        """Send the response whose body is `result`."""
        head = self.head
        kind = type(result)
        if kind is list or kind is tuple:
            self._respond_with_blocks(result)
        elif kind is FileWrapper and not head.sent and self._respond_with_file(result):
            return
        else:
            self._respond_with_iterator(_iterate(result), result)

    def finish(self, outcome: int) -> None:
        """End the exchange, unless a whole response has done so."""
        stream = self._stream
        if stream is not None:
            self._stream = None
            stream.end()
            del self._gateway._streams[self._exchange]
        elif self.head.sent:
            return
        self.head.sent = True
        self._gateway._channel.send(frame.encode_end(self._exchange, outcome))

    def _respond_with_blocks(self, blocks: list[bytes] | tuple[bytes, ...]) -> None:
        try:
            body = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        except TypeError:
            body = b""
        if self.head.sent or len(body) > _WHOLE_AT_MOST or type(body) is not bytes or not body:
            self._respond_with_iterator(iter(blocks), blocks)
        else:
            self._respond_whole(body, complete=True)

    def _respond_with_iterator(self, blocks: Iterator[bytes], result: object) -> None:
        first = b""
        for first in blocks:
            if first:
                break
        self._require_start()
        if self._bodiless or (not first and not self.head.sent):
            self._respond_whole(first, complete=not first)
            return
        _check_block(first)
        declared = self.head.content_length
        whole = _has_one_block(result) if declared is None else len(first) >= declared
        if self.head.sent or not whole:
            self._write(first)
        elif len(first) <= _WHOLE_AT_MOST:
            self._respond_whole(first, complete=True)
        else:
            if declared is None:
                self.head.declare_length(len(first))
            self._write(first)
        for block in blocks:
            self._write(block)
        self._end_stream()

    def _respond_whole(self, body: bytes, *, complete: bool) -> None:
        """Send head and body in one frame; `complete`: `body` is all of it, so its length can be told."""
        self._require_start()
        head = self.head
        if complete and head.content_length is None and not head.bodiless:
            head.declare_length(len(body))
        if self._bodiless:
            body = b""
        else:
            body = self._fit(body)
            self._check_length(len(body))
        head.sent = True
        self._sent = len(body)
        response = frame.encode_response(self._exchange, head.encode(), body)
        self._gateway._channel.hold(response, time.monotonic())

    def _respond_with_file(self, wrapper: FileWrapper) -> bool:
        """Let Node send the file; False: it has to be read here."""
        self._require_start()
        source = file_range(wrapper)
        if source is None:
            return False
        head = self.head
        if head.content_length is None:
            head.declare_length(source.length)
        length = min(source.length, head.content_length or 0)
        self._check_length(length)
        if self._bodiless:
            self._respond_whole(b"", complete=False)
        elif length <= _WHOLE_AT_MOST:
            self._respond_whole(os.pread(source.fd, length, source.offset), complete=True)
        else:
            head.sent = True
            # A duplicate: the app may close its file at any time, and its number be given to another.
            fd = os.dup(source.fd)
            gateway = self._gateway
            gateway._sent_as_file[self._exchange] = wrapper
            self.sent_as_file = True
            gateway._channel.send(
                frame.encode_response_file(self._exchange, head.encode(), fd, source.offset, length)
            )
        return True

    def _write(self, block: bytes) -> None:
        """Send `block`, and the head before the first one; this is also the app's `write`."""
        _check_block(block)
        self._require_start()
        head = self.head
        if not head.sent:
            if self._bodiless:
                self._respond_whole(b"", complete=False)
                return
            self._start_stream()
        if self._stream is None:  # the response was whole: nothing may follow it
            if not self._bodiless:
                self._fit(block)
            return
        block = self._fit(block)
        if block:
            self._sent += len(block)
            self._stream.write(block)

    def _start_stream(self) -> None:
        stream = self._stream = Stream()
        gateway = self._gateway
        gateway._streams[self._exchange] = stream
        self.head.sent = True
        gateway._channel.send(
            frame.encode_response_stream(self._exchange, self.head.encode(), stream.node_fd)
        )

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._check_length(self._sent)
            self.finish(frame.COMPLETE)

    @property
    def _bodiless(self) -> bool:
        return self.head.bodiless or self._request.startswith("HEAD\n")

    def _require_start(self) -> None:
        if not self.head.status:
            raise ProtocolError("the app returned without calling start_response (PEP 3333)")

    def _fit(self, block: bytes) -> bytes:
        """Return what of `block` the declared length has room for."""
        declared = self.head.content_length
        if declared is None or self._sent + len(block) <= declared:
            return block
        if not self._excess_reported:
            self._excess_reported = True
            self._gateway.log(
                self._request,
                f"the app's body is longer than its Content-Length of {declared} bytes; the rest was left out",
            )
        return block[: declared - self._sent]

    def _check_length(self, length: int) -> None:
        declared = self.head.content_length
        if declared is not None and length < declared:
            raise ProtocolError(
                f"the app's body ended after {length} bytes, but its Content-Length says {declared}"
            )


def _check_block(block: object) -> None:
    if not isinstance(block, bytes):
        raise ProtocolError(
            f"the app's body must be made of bytes, not of {type(block).__name__} (PEP 3333)"
        )


def _iterate(result: Any) -> Iterator[bytes]:  # noqa: ANN401
    try:
        return iter(result)
    except TypeError:
        raise ProtocolError(
            f"the app must return an iterable of bytes, not {type(result).__name__} (PEP 3333)"
        ) from None


def _has_one_block(result: object) -> bool:
    """Whether the body's first block is its last (PEP 3333, "Handling the Content-Length Header")."""
    try:
        return len(result) == 1  # type: ignore[arg-type]
    except TypeError:
        return False
