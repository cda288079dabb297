"""One request: `environ`, the app, and its response as frames.

`Gateway.serve` is called by the pool's threads (threads.py), each request on one thread from its start to its
end, by way of response.py. Every way out ends the exchange by a `RESPONSE` or `RESPONSE_FILE`
frame, or by `END`; after a RequestTimeout, which escapes, threads.py does.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Iterable

from . import frame
from .app_log import shorten
from .channel import Channel
from .environ import Environ, build_environ, request_line
from .error_stream import ErrorStream
from .faults import RequestTimeout, describe_exception
from .file_wrapper import FileWrapper
from .response import Response
from .slot import Slot
from .stream import ClientGone, Stream

if TYPE_CHECKING:
    from .hook_request import HookedRequest, RequestHooks

# Bytes of a body's file that are read at once: by Python's own 8 KiB, reading by the line takes twice as long.
_BUFFER = 65536

WSGIApp = Callable[[Environ, Any], Iterable[bytes]]


class Gateway:
    """Runs an app for one server. `base` is what every environ has in common."""

    def __init__(
        self,
        app: WSGIApp,
        base: Environ,
        channel: Channel,
        server: str | None,
        hooks: RequestHooks | None = None,
    ) -> None:
        """Serve `app`; `server` is the default `Server` header (None: none), `hooks` the settings file's."""
        self._app = app
        self._base = base
        self._hooks = hooks
        self.channel = channel
        self.server = server
        self.errors: ErrorStream = base["wsgi.errors"]
        self.streams: dict[int, Stream] = {}
        # Exchanges whose clients are gone or leaving, from Node's word of it until its `FORGET`. Written by the
        # control thread alone; the word may come before a thread has read the request itself.
        self.aborted: set[int] = set()
        # A list, since an id may come back before a long download has ended.
        self.sent_as_file: dict[int, list[FileWrapper]] = {}

    def serve(self, exchange: int, kind: int, payload: bytes, slot: Slot) -> None:
        """Answer one `REQUEST` or `REQUEST_FILE`, or do the closing that a `RELEASE` allows.

        `slot` is that of the calling thread.
        """
        if kind == frame.RELEASE:
            self._release(exchange)
            return
        head, rest = frame.decode_request(payload)
        body: BinaryIO = io.BytesIO(rest) if kind == frame.REQUEST else _open(rest)
        if exchange in self.aborted:  # nobody waits for the answer: the app is not called
            body.close()
            self.channel.send(frame.encode_end(exchange, frame.GONE))
            return
        pending = slot.pending
        pending.head, pending.exchange = head, exchange
        response = Response(self, exchange, head, slot)
        result: Any = None
        environ: Environ = {}
        hooks = self._hooks
        hooked: HookedRequest | None = None
        try:
            if hooks is None:
                environ = build_environ(self._base, head, body)
            else:
                hooked = hooks.begin(head, body)
                environ = build_environ(self._base, hooked.before(), body)
            environ["wsgi.early_hints"] = response.early_hints
            environ["wsgi_ts.disconnected"] = response.disconnected
            result = self._app(environ, response.start_response)
            response.respond(result)
        except ClientGone:
            response.gone = True
            response.finish(frame.FAILED)
        except RequestTimeout:
            response.stop_stream()
            response.head_sent = True  # Node has answered: nothing may follow
            raise
        except BaseException as error:
            # sys.exit() and KeyboardInterrupt in a view are the view's failure, not the server's end.
            self.log(head, describe_exception(error))
            response.finish(frame.FAILED)
        finally:
            if response.head_sent:
                slot.started = 0.0  # the time limit is that of the answer, which is given
            if result is not None and not response.left_to_node:
                self._close(head, result)
            if hooked is not None:
                self.channel.flush()  # the client shall not wait for what the hook does
                hooked.after(environ, response)
            _discard(body)
            if pending.text:
                self.errors.flush()
            pending.head, pending.exchange = "", 0

    def _release(self, exchange: int) -> None:
        """Close the iterable of a file that Node has sent."""
        wrappers = self.sent_as_file.get(exchange, [])
        self._close("", wrappers.pop(0) if wrappers else None)
        if not wrappers:
            self.sent_as_file.pop(exchange, None)

    def abort(self, exchange: int) -> None:
        """Take note that a client is gone, and end its response's stream (called by the control thread)."""
        self.aborted.add(exchange)
        stream = self.streams.get(exchange)
        if stream is not None:
            stream.abort()

    def _close(self, head: str, result: object) -> None:
        """Call the iterable's `close` (PEP 3333: however the request ended)."""
        try:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        except BaseException as error:  # as above
            self.log(head, describe_exception(error))

    def log(self, head: str, text: str) -> None:
        """Log `text` as an error, with the request that `head` belongs to ("": none)."""
        self._put(frame.LOG, frame.ERROR, head, text)

    def log_errors(self, head: str, level: int, text: str) -> None:
        """Log what the app wrote to `wsgi.errors`, whatever the log's level is."""
        self._put(frame.ERRORS, level, head, text)

    def _put(self, kind: int, level: int, head: str, text: str) -> None:
        text = shorten(f"{request_line(head)}: {text}" if head else text)
        if self.channel.closed:  # in a child process that the app forked
            sys.stderr.write(text + "\n")
        else:
            self.channel.send(frame.encode_log(self.errors.pending.exchange, level, text, kind))


def _open(descriptor: bytes) -> BinaryIO:
    """Return the body that a `REQUEST_FILE` hands over."""
    return os.fdopen(frame.decode_number(descriptor), "rb", _BUFFER)


def _discard(body: BinaryIO) -> None:
    try:  # contextlib.suppress would take many times as long as this
        body.close()
    except (BufferError, OSError, ValueError):
        return  # an app may keep the body's buffer, or have closed it in a way of its own
