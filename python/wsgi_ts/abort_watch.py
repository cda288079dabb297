"""worker_abort: SIGABRT reaches a hook also where Node's event loop stands still, which is what it is sent for.

Installed by worker_hooks.py on the main thread, once the app is loaded, only where there is such a hook.
Python's own handler for a signal runs on the main thread, which is the one that hangs; but its part in C
writes a byte at once (`signal.set_wakeup_fd`), and a thread of ours reads it. That thread must end the
process, however the hook fares.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from . import boot


def watch(action: Callable[[], None]) -> None:
    """Have SIGABRT call `action` on a thread of its own, and end the process with exit code 1."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    pid = os.getpid()

    def handler(number: int, frame: FrameType | None) -> None:
        if os.getpid() != pid:  # a child that the app forked: it has no such thread
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def forked() -> None:
        # A child's signal must not be heard in the worker, through the pipe that they share.
        other = signal.set_wakeup_fd(-1)
        if other != writing:
            signal.set_wakeup_fd(other)
        os.close(reading)
        os.close(writing)

    def wait() -> None:
        while True:
            # Other signals that the app handles leave bytes as well.
            if signal.SIGABRT in os.read(reading, 512):
                break
        try:
            action()
        finally:
            os._exit(1)

    def install() -> None:
        signal.signal(signal.SIGABRT, handler)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    boot.behind_crash_reports(install)
    os.register_at_fork(after_in_child=forked)
    threading.Thread(target=wait, name="wsgi-ts abort", daemon=True).start()
