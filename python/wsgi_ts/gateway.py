"""One request: `environ`, the app, and its response as frames.

`Gateway.serve` is called by the pool's threads (threads.py), each request on one thread from its start to its
end, by way of response.py. Every way out ends the exchange with exactly one of: a `RESPONSE` frame, a
`RESPONSE_FILE` frame, an `END` frame. Must never let an app's exception escape.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

from . import frame
from .channel import Channel
from .environ import Environ, build_environ, request_line
from .error_stream import ErrorStream
from .faults import RequestTimeout, describe_exception
from .file_wrapper import FileWrapper
from .response import Response
from .slot import Slot
from .stream import ClientGone, Stream

WSGIApp = Callable[[Environ, Any], Iterable[bytes]]


class Gateway:
    """Runs an app for one server. `base` is what every environ has in common."""

    def __init__(self, app: WSGIApp, base: Environ, channel: Channel, server: str | None) -> None:
        """Serve `app`; `server` is the default `Server` header (None: none)."""
        self._app = app
        self._base = base
        self.channel = channel
        self.server = server
        self._errors: ErrorStream = base["wsgi.errors"]
        self.streams: dict[int, Stream] = {}
        self.sent_as_file: dict[int, FileWrapper] = {}

    def serve(self, exchange: int, kind: int, payload: bytes, slot: Slot) -> None:
        """Answer one `REQUEST` or `REQUEST_FILE`, or do the closing that a `RELEASE` allows.

        `slot` is that of the calling thread.
        """
        if kind == frame.RELEASE:
            self._close("", self.sent_as_file.pop(exchange, None))
            return
        head, rest = frame.decode_request(payload)
        body: BinaryIO = (
            io.BytesIO(rest)
            if kind == frame.REQUEST
            else os.fdopen(frame.decode_number(rest), "rb")
        )
        self._errors.enter(head)
        response = Response(self, exchange, head, slot)
        result: Any = None
        try:
            result = self._app(build_environ(self._base, head, body), response.start_response)
            response.respond(result)
        except (ClientGone, RequestTimeout):
            response.finish(frame.FAILED)
        except BaseException as error:
            # sys.exit() and KeyboardInterrupt in a view are the view's failure, not the server's end.
            self.log(head, describe_exception(error))
            response.finish(frame.FAILED)
        finally:
            if not response.sent_as_file:
                self._close(head, result)
            body.close()
            self._errors.enter("")

    def abort(self, exchange: int) -> None:
        """Tell a streamed response that its client is gone (called by the control thread)."""
        stream = self.streams.get(exchange)
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
        self.channel.send(frame.encode_log(0, frame.ERROR, text))
