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
from .start_response import BODILESS, ExcInfo, ResponseHead
from .stream import Stream

if TYPE_CHECKING:
    from .gateway import Gateway

_WHOLE_AT_MOST = 128 * 1024
"""Bytes of a body that go in one frame with the head; longer ones would hold up the other exchanges."""


class Response(ResponseHead):
    """The response to one request. `start_response` is what the app calls.

    `sent` counts the bytes of the body that were handed on; `gone`: its client is; `left_to_node`: Node reads
    the body from a file, and says when the iterable may be closed.
    """

    # Until something happens these are all that a response has: nothing to be set for most requests.
    sent = 0
    gone = False
    left_to_node = False
    _bodiless = False
    _exceeded = False
    _stream: Stream | None = None

    def __init__(self, gateway: Gateway, exchange: int, request: str, slot: Slot) -> None:
        """Prepare the response of `exchange`, whose request's head is `request`, on the thread of `slot`."""
        self._gateway = gateway
        self._exchange = exchange
        self._request = request
        self._slot = slot
        self._server = gateway.server
        self._fields = []

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """Take status and headers from the app (PEP 3333); return the `write` callable.

        Raises TypeError, ValueError or RuntimeError for what the PEP forbids, and the exception in
        `exc_info` once the head has been sent.
        """
        if self._called or exc_info is not None:
            self._begin_anew(exc_info)
        self._called = True
        self._take(status, headers)
        # RFC 9110 §6.4.1
        self._bodiless = self.status in BODILESS or self._request.startswith("HEAD\n")
        return self._write

    def early_hints(self, headers: Iterable[tuple[str, str]]) -> None:
        """Send a 103 with `headers` (RFC 8297); nothing once the head is sent, nor to HTTP/1.0.

        This is `environ["wsgi.early_hints"]`. Raises what `ResponseHead.encode_hints` does.
        """
        fields = ResponseHead.encode_hints(headers)
        # RFC 9110 §15.2: a 1xx must not be sent to an HTTP/1.0 client.
        if not fields or self.head_sent or self._request.split("\n", 5)[4] == "HTTP/1.0":
            return
        self._gateway.channel.send(frame.encode_early_hints(self._exchange, fields))

    def disconnected(self) -> bool:
        """Tell whether the client is gone, or was when the response ended.

        This is `environ["wsgi_ts.disconnected"]`.
        """
        if not self.gone and (self._stream is not None or not self.head_sent):
            self.gone = self._exchange in self._gateway.aborted
        return self.gone

    def respond(self, result: Any) -> None:  # noqa: ANN401
        """Send the response whose body is `result`."""
        kind = type(result)
        if kind is list or kind is tuple:
            self._respond_with_blocks(result)
        elif kind is FileWrapper and not self.head_sent and self._respond_with_file(result):
            return
        else:
            try:
                blocks = iter(result)
            except TypeError:
                raise ProtocolError(
                    f"the app must return an iterable of bytes, not {kind.__name__} (PEP 3333)"
                ) from None
            self._respond_with_iterator(blocks, result)

    def stop_stream(self) -> None:
        """Send no more of a streamed body."""
        stream = self._stream
        if stream is not None:
            self._gateway.streams.pop(self._exchange, None)
            stream.end()
            self._stream = None

    def finish(self, outcome: int) -> None:
        """End the exchange, unless a whole response has done so."""
        if self._stream is None and self.head_sent:
            return
        self.stop_stream()
        self.head_sent = True
        self._gateway.channel.send(frame.encode_end(self._exchange, outcome))

    def _respond_with_blocks(self, blocks: list[bytes] | tuple[bytes, ...]) -> None:
        for block in blocks:
            if type(block) is not bytes:
                _check_block(block)
        body = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        if self.head_sent or not body or len(body) > _WHOLE_AT_MOST:
            self._respond_with_iterator(iter(blocks), blocks)
        else:
            self._respond_whole(body, complete=True)

    def _respond_with_iterator(self, blocks: Iterator[bytes], result: object) -> None:
        first = b""
        for first in blocks:
            if first:
                break
        if not self.status:
            self._require_start()
        if self._bodiless or (not first and not self.head_sent):
            self._respond_whole(first, complete=not first)
            return
        if type(first) is not bytes:
            _check_block(first)
        declared = self.content_length
        whole = _has_one_block(result) if declared is None else len(first) >= declared
        if self.head_sent or not whole:
            self._write(first)
        elif len(first) <= _WHOLE_AT_MOST:
            self._respond_whole(first, complete=True)
        else:
            if declared is None:
                self.declare_length(len(first))
            self._write(first)
        for block in blocks:
            self._write(block)
            if self._exceeded:  # PEP 3333, "Handling the Content-Length Header": iterate no further
                break
        if self._stream is not None:
            self._check_length(self.sent)
            self.finish(frame.COMPLETE)

    def _respond_whole(self, body: bytes, *, complete: bool) -> None:
        """Send head and body in one frame; `complete`: `body` is all of it, so its length can be told."""
        if not self.status:
            self._require_start()
        bodiless = self._bodiless
        length = len(body)
        declared = self.content_length
        # An app that answers HEAD with nothing has not said how long its answer to GET is.
        if complete and declared is None and self.status not in BODILESS and (body or not bodiless):
            self.declare_length(length)
        if bodiless:
            body = b""
        elif declared is not None and declared != length:
            body = self._fit(body)
            self._check_length(len(body))
        response = frame.encode_response(self._exchange, self.encode(), body)
        self.head_sent = True
        self.sent = len(body)
        self._gateway.channel.hold(response, self._slot.started)

    def _respond_with_file(self, wrapper: FileWrapper) -> bool:
        """Let Node send the file; False: it has to be read here."""
        self._require_start()
        source = file_range(wrapper)
        if source is None:
            return False
        if self.content_length is None:
            self.declare_length(source.length)
        if self._bodiless:
            self._respond_whole(b"", complete=False)
            return True
        length = min(source.length, self.content_length or 0)
        self._check_length(length)
        if length <= _WHOLE_AT_MOST:
            self._respond_whole(os.pread(source.fd, length, source.offset), complete=True)
        else:
            encoded = self.encode()
            # A duplicate: the app may close its file at any time, and its number be given to another.
            fd = os.dup(source.fd)
            self.head_sent = True
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
        if not self.head_sent:
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
        self.head_sent = True
        gateway.channel.send(
            frame.encode_response_stream(self._exchange, self.encode(), stream.node_fd)
        )

    def _require_start(self) -> None:
        if not self.status:
            raise ProtocolError("the app returned without calling start_response (PEP 3333)")

    def _fit(self, block: bytes) -> bytes:
        """Return what of `block` the declared length has room for."""
        declared = self.content_length
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
        declared = self.content_length
        if declared is not None and length < declared:
            raise ProtocolError(
                f"the app's body ended after {length} bytes, but its Content-Length says {declared}"
            )


def _check_block(block: object) -> None:
    if not isinstance(block, bytes):
        raise ProtocolError(
            f"the app's body must be made of bytes, not of {type(block).__name__} (PEP 3333)"
        )


def _has_one_block(result: object) -> bool:
    """Whether the body's first block is its last (PEP 3333, "Handling the Content-Length Header")."""
    try:
        return len(result) == 1  # type: ignore[arg-type]
    except TypeError:
        return False
