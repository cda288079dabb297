"""One request's response: what the app returns or writes, as frames to Node.

Made by gateway.py for each request, on the thread that runs the app. A body that is whole when it is first
seen goes out with its head in one frame; a regular file goes as a descriptor; anything else is streamed on a
socket of its own, each block before the next is asked for (PEP 3333, "Buffering and Streaming").
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import frame
from .faults import ProtocolError
from .file_wrapper import FileWrapper, file_range
from .slot import Slot
from .start_response import ExcInfo, ResponseHead
from .stream import Stream

if TYPE_CHECKING:
    from .gateway import Gateway

_WHOLE_AT_MOST = 128 * 1024
"""Bytes of a body that go in one frame with the head; longer ones would hold up the other exchanges."""


class Response:
    """The response to one request. `start_response` is what the app calls."""

    __slots__ = (
        "_exceeded",
        "_exchange",
        "_gateway",
        "_request",
        "_slot",
        "_stream",
        "gone",
        "head",
        "left_to_node",
        "sent",
    )

    def __init__(self, gateway: Gateway, exchange: int, request: str, slot: Slot) -> None:
        """Prepare the response of `exchange`, whose request's head is `request`, on the thread of `slot`."""
        self._gateway = gateway
        self._exchange = exchange
        self._request = request
        self._slot = slot
        self._stream: Stream | None = None
        self.sent = 0
        self._exceeded = False
        self.gone = False
        self.left_to_node = False
        self.head = ResponseHead(gateway.server)

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """Take status and headers from the app (PEP 3333); return the `write` callable.

        Raises what `ResponseHead.take` does.
        """
        self.head.take(status, headers, exc_info)
        return self._write

    def early_hints(self, headers: Iterable[tuple[str, str]]) -> None:
        """Send a 103 with `headers` (RFC 8297); nothing once the head is sent, nor to HTTP/1.0.

        This is `environ["wsgi.early_hints"]`. Raises what `ResponseHead.encode_hints` does.
        """
        fields = ResponseHead.encode_hints(headers)
        # RFC 9110 §15.2: a 1xx must not be sent to an HTTP/1.0 client.
        if not fields or self.head.sent or self._request.split("\n", 5)[4] == "HTTP/1.0":
            return
        self._gateway.channel.send(frame.encode_early_hints(self._exchange, fields))

    def disconnected(self) -> bool:
        """Tell whether the client is gone, or was when the response ended.

        This is `environ["wsgi_ts.disconnected"]`.
        """
        if not self.gone and (self._stream is not None or not self.head.sent):
            self.gone = self._exchange in self._gateway.aborted
        return self.gone

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

    def stop_stream(self) -> None:
        """Send no more of a streamed body."""
        stream = self._stream
        if stream is not None:
            self._gateway.streams.pop(self._exchange, None)
            stream.end()
            self._stream = None

    def finish(self, outcome: int) -> None:
        """End the exchange, unless a whole response has done so."""
        if self._stream is None and self.head.sent:
            return
        self.stop_stream()
        self.head.sent = True
        self._gateway.channel.send(frame.encode_end(self._exchange, outcome))

    def _respond_with_blocks(self, blocks: list[bytes] | tuple[bytes, ...]) -> None:
        for block in blocks:
            _check_block(block)
        body = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        if self.head.sent or not body or len(body) > _WHOLE_AT_MOST:
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
            if self._exceeded:  # PEP 3333, "Handling the Content-Length Header": iterate no further
                break
        self._end_stream()

    def _respond_whole(self, body: bytes, *, complete: bool) -> None:
        """Send head and body in one frame; `complete`: `body` is all of it, so its length can be told."""
        self._require_start()
        head = self.head
        # An app that answers HEAD with nothing has not said how long its answer to GET is.
        told = complete and not head.bodiless and (body or not self._bodiless)
        if told and head.content_length is None:
            head.declare_length(len(body))
        if self._bodiless:
            body = b""
        else:
            body = self._fit(body)
            self._check_length(len(body))
        response = frame.encode_response(self._exchange, head.encode(), body)
        head.sent = True
        self.sent = len(body)
        self._gateway.channel.hold(response, time.monotonic())

    def _respond_with_file(self, wrapper: FileWrapper) -> bool:
        """Let Node send the file; False: it has to be read here."""
        self._require_start()
        source = file_range(wrapper)
        if source is None:
            return False
        head = self.head
        if head.content_length is None:
            head.declare_length(source.length)
        if self._bodiless:
            self._respond_whole(b"", complete=False)
            return True
        length = min(source.length, head.content_length or 0)
        self._check_length(length)
        if length <= _WHOLE_AT_MOST:
            self._respond_whole(os.pread(source.fd, length, source.offset), complete=True)
        else:
            encoded = head.encode()
            # A duplicate: the app may close its file at any time, and its number be given to another.
            fd = os.dup(source.fd)
            head.sent = True
            self.sent = length
            gateway = self._gateway
            gateway.sent_as_file.setdefault(self._exchange, []).append(wrapper)
            self.left_to_node = True
            gateway.channel.send(
                frame.encode_response_file(self._exchange, encoded, fd, source.offset, length)
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
            self.sent += len(block)
            self._slot.started = (
                0.0  # the time limit is the app's: a slow client's time is not counted
            )
            self._stream.write(block)
            self._slot.started = time.monotonic()

    def _start_stream(self) -> None:
        stream = self._stream = Stream()
        gateway = self._gateway
        gateway.streams[self._exchange] = stream
        self.head.sent = True
        gateway.channel.send(
            frame.encode_response_stream(self._exchange, self.head.encode(), stream.node_fd)
        )

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._check_length(self.sent)
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
        if declared is None or self.sent + len(block) <= declared:
            return block
        if not self._exceeded:
            self._exceeded = True
            self._gateway.log(
                self._request,
                f"the app's body is longer than its Content-Length of {declared} bytes; the rest was left out",
            )
        return block[: declared - self.sent]

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
