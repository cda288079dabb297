"""Handlers of C's, as Node's are to Python; each test in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

PACKAGE_FOLDER = str(Path(__file__).parents[1])

PROLOGUE = """
import ctypes, os, signal, sys
sys.path.insert(0, {folder!r})
from wsgi_ts import signal_handlers
libc = ctypes.CDLL(None)
FOREIGN = ctypes.cast(libc.abs, ctypes.c_void_p)  # to call it does no harm

def install(number):
    libc.signal(int(number), FOREIGN)

def installed(number):
    action = ctypes.create_string_buffer(512)
    libc.sigaction(int(number), None, action)
    return ctypes.c_void_p.from_buffer(action).value or 0
"""


def run(text: str) -> None:
    program = PROLOGUE.format(folder=PACKAGE_FOLDER) + textwrap.dedent(text)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_handler_that_is_not_pythons_is_put_back():
    run(
        """
        install(signal.SIGTERM)
        # Python looks at handlers but once, when it starts: it must have been there then.
        foreign = {signal.SIGTERM}
        real = signal.getsignal
        signal.getsignal = lambda number: None if number in foreign else real(number)
        with signal_handlers.kept():
            for number in (signal.SIGTERM, signal.SIGUSR2):
                signal.signal(number, lambda *_: None)
            foreign.clear()
            assert installed(signal.SIGTERM) != FOREIGN.value
        assert installed(signal.SIGTERM) == FOREIGN.value
        assert installed(signal.SIGUSR2) not in (0, FOREIGN.value)
        """
    )


def test_pythons_own_interrupt_handler_is_taken_away_and_nobody_elses():
    run(
        """
        signal_handlers.give_back_interrupt()
        assert installed(signal.SIGINT) == 0
        signal.signal(signal.SIGINT, print)
        signal_handlers.give_back_interrupt()
        assert signal.getsignal(signal.SIGINT) is print
        """
    )


def test_a_forked_child_has_the_apps_handlers_and_none_of_nodes():
    run(
        """
        import faulthandler
        faulthandler.enable()
        seen = []
        signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR2): install(number)
        crash = installed(signal.SIGSEGV)
        signal_handlers.reset_in_children()
        signal_handlers.reset_in_children()
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGUSR1)
            ok = (seen == [signal.SIGUSR1] and installed(signal.SIGSEGV) == crash != 0
                  and installed(signal.SIGTERM) == installed(signal.SIGUSR2) == 0
                  and installed(signal.SIGHUP) == 1)
            os._exit(0 if ok else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert installed(signal.SIGTERM) == FOREIGN.value
        """
    )
