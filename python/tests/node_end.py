"""Node's end of a server, in Python: sends requests as frames and reads what comes back."""

import os
import socket
from contextlib import contextmanager

from wsgi_ts import frame, server


def request_head(method="GET", path="/", query="", headers=(), protocol="HTTP/1.1"):
    target = f"{path}?{query}" if query else path
    fields = [method, path, query, target, protocol, "", "127.0.0.1", "50000"]
    fields += ["127.0.0.1", "8000", "http"]
    for pair in headers:
        fields += pair
    return "\n".join(fields)


class NodeEnd:
    """`replies` is what `read` returned so far, by exchange: [(kind, payload), …]."""

    def __init__(self, app, threads=1, hooks=None):
        options = {
            "threads": threads,
            "multiprocess": False,
            "software": "wsgi-ts/test",
            "server_header": "wsgi-ts",
        }
        fds = server.start(app, options, hooks)
        self.requests = socket.socket(fileno=fds["request_fd"])
        self.control = socket.socket(fileno=fds["control_fd"])
        self.requests.settimeout(10)
        self._rest = b""
        self._waiting = []
        self._last = 0

    def send(self, body=b"", **head):
        """Send a request; return its exchange id."""
        self._last += 1
        text = request_head(**head).encode("latin-1")
        payload = frame.NUMBER.pack(len(text)) + text + body
        self.requests.sendall(frame.encode_frame(frame.REQUEST, self._last, payload))
        return self._last

    def tell(self, kind, exchange=0, payload=b""):
        self.control.sendall(frame.encode_frame(kind, exchange, payload))

    def release(self, exchange):
        self.requests.sendall(frame.encode_frame(frame.RELEASE, exchange))

    def read(self):
        """Return the next frame that says something of a request."""
        while True:
            read = self._read()
            if read[0] != frame.EXPIRED:
                return read

    def _read(self):
        while not self._waiting:
            data = self.requests.recv(65536)
            assert data, "the server closed its socket"
            self._waiting, self._rest = frame.decode_frames(self._rest + data)
        return self._waiting.pop(0)

    def read_response(self, exchange):
        """Return status line, headers and body of a whole response."""
        kind, of, payload = self.read()
        assert (kind, of) == (frame.RESPONSE, exchange), (kind, of, payload)
        return split_response(payload)

    def stop(self):
        self.tell(frame.STOP)
        while self.read()[0] != frame.STOPPED:
            pass


def split_response(payload):
    head, body = frame.decode_request(payload)
    fields = head.split("\n")
    return fields[0], list(zip(fields[1::2], fields[2::2])), body


@contextmanager
def serving(app, threads=1, hooks=None):
    node = NodeEnd(app, threads, hooks)
    try:
        yield node
    finally:
        node.stop()
        node.requests.close()
        node.control.close()


@contextmanager
def stream_of(payload):
    """The reading end of a RESPONSE_STREAM."""
    _, behind = frame.decode_request(payload)
    with socket.socket(fileno=frame.decode_number(behind)) as reader:
        reader.settimeout(10)
        yield reader


def read_to_end(reader):
    blocks = []
    while True:
        block = reader.recv(1 << 20)
        if not block:
            return b"".join(blocks)
        blocks.append(block)


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))
