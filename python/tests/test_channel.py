"""Garbage on the two sockets that lead to Node: none of it ends a thread or the process.

Node never sends it; a fault there must show up as a log entry, not as a crash. Each case is random, and by its
seed the same every time.
"""

import random
import struct

import pytest
from node_end import serving

from wsgi_ts import frame

NO_SUCH_DESCRIPTOR = 1 << 30
"""Descriptors in frames are handed over: one that is open here would be closed under somebody's hands."""


def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    return [b"fine"]


def noise(chance, at_most):
    return bytes(chance.randrange(256) for _ in range(chance.randrange(at_most)))


def garbage(chance):
    """Return a payload: bytes, or a head of random length and something behind it."""
    filler = noise(chance, 60)
    if chance.random() < 0.5:
        return filler
    length = chance.choice([0, len(filler), chance.randrange(100), 0xFFFFFFFF])
    fd = struct.pack("<I", NO_SUCH_DESCRIPTOR + chance.randrange(1000))
    return struct.pack("<I", length) + filler + fd


def random_number(chance):
    return struct.pack("<I", NO_SUCH_DESCRIPTOR + chance.randrange(1000))


def send_garbage(node, chance):
    """Send frames of random kinds to the pool and to the control thread, in pieces."""
    stream = b""
    for _ in range(chance.randrange(1, 20)):
        kind = chance.choice([frame.REQUEST, frame.RELEASE, chance.randrange(64, 256)])
        payload = garbage(chance)
        if chance.random() < 0.2:
            kind = frame.REQUEST_FILE
            payload = struct.pack("<I", 0) + random_number(chance)
        stream += frame.encode_frame(kind, chance.randrange(1000, 1 << 32), payload)
    while stream:
        cut = chance.randrange(1, len(stream) + 1)
        node.requests.sendall(stream[:cut])
        stream = stream[cut:]
    for _ in range(chance.randrange(1, 10)):
        kind = chance.choice(
            [frame.POKE, frame.ABORT, frame.EXPIRE, frame.FORGET, chance.randrange(64, 256)]
        )
        node.tell(kind, chance.randrange(1 << 32), garbage(chance))
    node.tell(frame.DUPLICATE, 0, random_number(chance))


def answer_of(node, exchange):
    """Read until `exchange` is answered; what is said of others is left alone."""
    while True:
        kind, of, payload = node.read()
        if of == exchange:
            return kind, payload


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("seed", range(20))
def test_a_request_behind_garbage_is_answered(seed, threads):
    chance = random.Random(seed)  # noqa: S311
    with serving(app, threads) as node:
        for _ in range(10):
            send_garbage(node, chance)
            kind, payload = answer_of(node, node.send())
            assert kind == frame.RESPONSE
            assert payload.endswith(b"fine")


@pytest.mark.parametrize("seed", range(20))
def test_bytes_that_are_no_frames_leave_the_server_able_to_stop(seed):
    chance = random.Random(seed)  # noqa: S311
    with serving(app, 2) as node:
        # A length that never comes: what is behind it is waited for.
        node.requests.sendall(struct.pack("<I", 1 << 31) + noise(chance, 500))
