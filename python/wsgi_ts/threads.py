"""The adaptive pool: N threads that run requests, of which only as many are awake as help.

Started by server.py. N threads that all wait for the GIL are slower than one, so one takes requests off the
channel and runs them while the others are parked. When Node sees requests outstanding and no answer, its
poke (control.py) wakes one more. A thread that finishes and sees another one freshly at work parks itself
again, unless requests have mostly been blocked of late (time on the clock, none on the processor): then all
threads are of use. Must never know what a request is: that is gateway.py's.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections import deque

from . import frame
from .channel import Channel
from .faults import RequestTimeout, describe_exception
from .gateway import Gateway
from .slot import Slot

_FRESH = 0.002
"""Seconds for which a request counts as running on the processor rather than blocked."""

_MOSTLY_BLOCKED = 0.3
"""Share of requests that were blocked, above which threads stop parking."""

_NEGLIGIBLE = 0.01
"""A share that counts as none."""

_WEIGHT = 0.1
"""Weight of the last request in that share (a moving average)."""

_raise_in_thread = ctypes.pythonapi.PyThreadState_SetAsyncExc
_raise_in_thread.argtypes = (ctypes.c_ulong, ctypes.py_object)


class ThreadPool:
    """Runs what arrives on `channel` through `gateway`."""

    def __init__(self, channel: Channel, gateway: Gateway, threads: int) -> None:
        """Prepare a pool of `threads` threads; `start` starts them."""
        self._channel = channel
        self._gateway = gateway
        self._queue: deque[frame.Frame] = deque()
        self._reading = threading.Lock()
        self._parked: deque[Slot] = deque()
        self._blocked = 0.0
        self._several = threads > 1
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self.slots = [Slot() for _ in range(threads)]

    def start(self) -> None:
        """Start the threads."""
        for slot in self.slots:
            self._start_thread(slot)

    def wake_one(self) -> None:
        """Unpark a thread, if any is parked."""
        try:
            self._parked.pop().gate.release()
        except IndexError:
            return

    def stop(self) -> None:
        """Take no more requests; threads end once they have done what they hold."""
        self._stopping = True
        self._channel.end()
        while self._parked:
            self.wake_one()

    def join(self, seconds: float) -> None:
        """Wait until the threads have ended, but no longer than `seconds` in all."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def interrupt(self, slot: Slot, exchange: int) -> bool:
        """Raise RequestTimeout in the thread of `slot` if it still runs `exchange`; tell whether it did."""
        with slot.lock:
            if slot.exchange != exchange or slot.interrupted:
                return False
            slot.interrupted = True
            _raise_in_thread(slot.ident, RequestTimeout)
            return True

    def replace(self, slot: Slot, exchange: int) -> bool:
        """Give the place of a thread that is stuck in `exchange` to a new one; tell whether it did.

        Raises RuntimeError where the system allows no more threads.
        """
        with slot.lock:
            if slot.exchange != exchange:
                return False
            successor = Slot()
            self._start_thread(successor)
            self.slots[self.slots.index(slot)] = successor
            slot.replaced = True
        return True

    def _start_thread(self, slot: Slot) -> None:
        # Daemons: a view that never ends must not keep the process from ending.
        thread = threading.Thread(target=self._run, args=(slot,), name="wsgi-ts", daemon=True)
        thread.start()
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]

    def _run(self, slot: Slot) -> None:
        slot.ident = threading.get_ident()
        slot.pending = self._gateway.errors.pending
        queue = self._queue
        clock = time.monotonic
        several = self._several
        # Time in requests, and on the processor, when it was last asked how much of one was the other.
        busy = 0.0
        processor = time.thread_time()
        while not slot.replaced:
            try:
                kind, exchange, payload = queue.popleft()
            except IndexError:
                if self._fetch(slot):
                    continue
                return
            started = clock()
            try:
                slot.started = started
                slot.exchange = exchange
                self._gateway.serve(exchange, kind, payload, slot)
                with slot.lock:
                    slot.exchange = 0
                slot.started = 0.0
                if slot.interrupted:
                    _settle(slot)
            except BaseException as error:
                # An interruption that hit our own code, or a fault of ours: the thread must live, and the
                # exchange end. A second end is ignored.
                _settle(slot)
                self._gateway.errors.flush()
                self._channel.send(frame.encode_end(exchange, frame.FAILED))
                if not isinstance(error, RequestTimeout):
                    self._gateway.log("", describe_exception(error))
            if several:
                now = clock()
                took = now - started
                busy += took
                if took > _FRESH / 2:
                    # Not asked for every request: a look at this clock is a system call.
                    before, processor = processor, time.thread_time()
                    self._weigh(processor - before < busy / 2)
                    busy = 0.0
                elif self._blocked > _NEGLIGIBLE:
                    self._weigh(False)
                if self._blocked >= _MOSTLY_BLOCKED:
                    self._channel.flush()
                elif self._another_is_fresh(slot, now - _FRESH):
                    self._park(slot)

    def _fetch(self, slot: Slot) -> bool:
        """Wait for requests; False: there will be no more."""
        # Nothing is left to run: whatever is held back would wait for nobody.
        self._channel.flush()
        if not self._reading.acquire(blocking=False):
            if self._stopping:
                return False
            self._park(slot)
            return True
        try:
            if self._queue:
                return True
            frames = self._channel.receive()
            if frames is None:
                return False
            self._queue.extend(frames)
        finally:
            self._reading.release()
        if self._blocked >= _MOSTLY_BLOCKED:
            for _ in frames:
                self.wake_one()
        return True

    def _weigh(self, blocked: bool) -> None:
        self._blocked += (blocked - self._blocked) * _WEIGHT

    def _another_is_fresh(self, slot: Slot, since: float) -> bool:
        if len(self._parked) + 1 >= len(self.slots):  # the rule: all others are parked
            return False
        return any(other.started > since and other is not slot for other in self.slots)

    def _park(self, slot: Slot) -> None:
        self._parked.append(slot)
        if self._stopping:  # `stop` may have emptied the list just before
            self.wake_one()
        slot.gate.acquire()


def _settle(slot: Slot) -> None:
    """Make sure that an interruption doesn't reach the thread's next request."""
    while True:
        try:
            with slot.lock:
                slot.exchange = 0
            slot.started = 0.0
            _raise_in_thread(slot.ident, ctypes.py_object())  # NULL: takes back what is pending
            slot.interrupted = False
            return
        except RequestTimeout:
            continue
