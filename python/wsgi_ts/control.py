"""The control thread: hears Node while every other thread is inside the app.

Started by server.py, one for each server, on a socket of its own. It wakes threads, ends requests that took
too long, hears of clients that leave and of renamed log files, duplicates descriptors, and stops the
pool. It must never call the app, nor wait for a thread that does.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from . import fork, frame, reopening
from .channel import Channel
from .faults import describe_exception, describe_stack
from .gateway import Gateway
from .slot import Slot
from .threads import ThreadPool

_RESCUE_AFTER = 1.0
"""Seconds that an interrupted thread gets before another one takes its place."""

_REPLACED_AT_MOST = 16
"""Stuck threads that are replaced: each costs a thread for as long as it is stuck."""

_JOIN = 1.0
"""Seconds that idle threads get to end at a stop."""


class Controller:
    """What the control thread does; `run` is its body."""

    def __init__(
        self, control: Channel, channel: Channel, gateway: Gateway, pool: ThreadPool
    ) -> None:
        """Hear `control`, answer on `channel`."""
        self._control = control
        self._channel = channel
        self._gateway = gateway
        self._pool = pool
        self._interrupted: list[tuple[Slot, int, float]] = []
        self._replaced: list[tuple[Slot, int]] = []

    def run(self) -> None:
        """Do what Node says until it says stop."""
        while True:
            try:
                frames = self._control.receive()
            except TimeoutError:
                self._guard(self._rescue)
                continue
            if frames is None:
                return
            for kind, exchange, payload in frames:
                if kind == frame.STOP:
                    self._stop()
                    return
                self._guard(self._obey, kind, exchange, payload)
            if self._interrupted:
                self._guard(self._rescue)

    def _guard(self, step: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401
        """Do one thing; whatever it raises is logged: without this thread the server would stand still."""
        try:
            step(*arguments)
        except Exception as error:
            self._gateway.log("", describe_exception(error))

    def _obey(self, kind: int, exchange: int, payload: bytes) -> None:
        if kind == frame.POKE:
            self._channel.flush()
            self._pool.wake_one()
        elif kind == frame.ABORT:
            self._gateway.abort(exchange)
        elif kind == frame.LEAVING:
            self._gateway.aborted.add(exchange)
        elif kind == frame.FORGET:
            self._gateway.aborted.discard(exchange)
        elif kind == frame.EXPIRE:
            self._expire(frame.decode_number(payload) / 1000)
            self._channel.send(frame.encode_frame(frame.EXPIRED, 0))
        elif kind == frame.REOPEN:
            # On a thread of its own: a log handler may be held up.
            threading.Thread(target=reopening.reopen, name="wsgi-ts reopen", daemon=True).start()
        elif kind == frame.DUPLICATE:
            self._duplicate(frame.decode_number(payload))

    def _expire(self, limit: float) -> None:
        """Interrupt every request that has been running for more than `limit` seconds."""
        now = time.monotonic()
        for slot in self._pool.slots:
            exchange, started = slot.exchange, slot.started
            if exchange and started and now - started > limit:
                stack = describe_stack(slot.ident)
                if self._pool.interrupt(slot, exchange):
                    payload = stack.encode("utf-8", "backslashreplace")
                    self._channel.send(frame.encode_frame(frame.TIMED_OUT, exchange, payload))
                    self._interrupted.append((slot, exchange, now))
        if self._interrupted:
            self._control.wait_at_most(_RESCUE_AFTER)

    def _rescue(self) -> None:
        """Replace threads that an interruption didn't free: they wait in C code."""
        now = time.monotonic()
        self._replaced = [(slot, of) for slot, of in self._replaced if slot.exchange == of]
        waiting = []
        for slot, exchange, since in self._interrupted:
            if slot.exchange != exchange:
                continue
            if now - since < _RESCUE_AFTER:
                waiting.append((slot, exchange, since))
            elif len(self._replaced) < _REPLACED_AT_MOST and self._pool.replace(slot, exchange):
                self._replaced.append((slot, exchange))
        self._interrupted = waiting
        if not waiting:
            self._control.wait_at_most(None)

    def _duplicate(self, fd: int) -> None:
        """Duplicate a listening socket."""
        try:
            fork.close_listener_in_child(fd)
            duplicate = os.dup(fd)
        except OSError:
            duplicate = frame.NO_DESCRIPTOR
        self._channel.send(frame.encode_duplicated(fd, duplicate))

    def _stop(self) -> None:
        self._pool.stop()
        self._pool.join(_JOIN)
        self._channel.close(frame.encode_frame(frame.STOPPED, 0))
        self._control.close()
