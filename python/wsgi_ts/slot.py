"""What the pool, the control thread and a response know of one thread.

A record and no more: threads.py, control.py and response.py act on it.
"""

from __future__ import annotations

import threading

from .error_stream import Pending


class Slot:
    """One thread of the pool, as the others see it.

    `exchange` is what it runs (0: nothing), and `started` since when, by `time.monotonic()`: 0.0 while it
    runs nothing, or waits for a client to take what the app has sent. `lock` is held over "still this
    exchange?" and whatever follows from the answer. `gate` is where a parked thread waits. `pending` is what
    it has written to `wsgi.errors`.
    """

    __slots__ = (
        "exchange",
        "gate",
        "ident",
        "interrupted",
        "lock",
        "pending",
        "replaced",
        "started",
    )

    def __init__(self) -> None:
        """Make the slot of a thread that is not running yet."""
        self.ident = 0
        self.exchange = 0
        self.started = (
            0.0  # when the running request began, by time.monotonic(); 0.0: none is running
        )
        self.lock = threading.Lock()
        self.interrupted = False
        self.replaced = False
        self.gate = threading.Lock()
        self.gate.acquire()
        self.pending = Pending()
