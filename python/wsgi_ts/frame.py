"""The frames that Node and Python exchange: what their bytes are, and nothing else.

Called by channel.py and by tests; src/bridge/frame.ts is the same table in TypeScript and says what each
payload means, and fixtures/frames/*.json holds both to it. Pure: no socket, no clock, no state.

A frame is a header of 9 bytes, little-endian (u32 payload length, u8 kind, u32 exchange id), then its
payload. A file descriptor in a frame hands over the duty to close it.
"""

from __future__ import annotations

from struct import Struct
from typing import Tuple

REQUEST = 1
REQUEST_FILE = 2
RELEASE = 3

POKE = 16
ABORT = 17
EXPIRE = 18
DUPLICATE = 19
STOP = 20
FORGET = 21
LEAVING = 22
REOPEN = 23

ENTRY = 24
ACCESS = 25
METRICS = 26

RESPONSE = 32
RESPONSE_FILE = 33
RESPONSE_STREAM = 34
END = 35
LOG = 36
DUPLICATED = 37
TIMED_OUT = 38
STOPPED = 39
EXPIRED = 40
EARLY_HINTS = 41
RECORD = 42
ERRORS = 43
HANDLED = 44

COMPLETE = 0
FAILED = 1
GONE = 2

DEBUG, INFO, WARNING, ERROR, CRITICAL = range(5)

WHOLE_LINE = 255
"""Stands for a level in a `RECORD` whose text is the line as it shall be."""

NO_DESCRIPTOR = 0xFFFFFFFF

HEADER = Struct("<IBI")
NUMBER = Struct("<I")
_HEADER_AND_NUMBER = Struct("<IBII")
_FILE_RANGE = Struct("<IQQ")
_TWO_NUMBERS = Struct("<II")
_ENTRY = Struct("<BBd")


def encode_frame(kind: int, exchange: int, payload: bytes = b"") -> bytes:
    """Make a frame with a ready payload."""
    return HEADER.pack(len(payload), kind, exchange) + payload


def encode_response(exchange: int, head: bytes, body: bytes) -> bytes:
    """Make the frame of a whole response: `head` is latin-1, its fields separated by line feeds."""
    length = len(head)
    prefix = _HEADER_AND_NUMBER.pack(4 + length + len(body), RESPONSE, exchange, length)
    return prefix + head + body


def encode_response_file(exchange: int, head: bytes, fd: int, offset: int, length: int) -> bytes:
    """Make the frame of a response whose body is `length` bytes of the file `fd` from `offset` on."""
    payload = NUMBER.pack(len(head)) + head + _FILE_RANGE.pack(fd, offset, length)
    return encode_frame(RESPONSE_FILE, exchange, payload)


def encode_response_stream(exchange: int, head: bytes, fd: int) -> bytes:
    """Make the frame of a response whose body follows on the socket `fd`."""
    payload = NUMBER.pack(len(head)) + head + NUMBER.pack(fd)
    return encode_frame(RESPONSE_STREAM, exchange, payload)


def encode_end(exchange: int, outcome: int) -> bytes:
    """Make the frame that ends an exchange with `outcome` (`COMPLETE`, `FAILED` or `GONE`)."""
    return encode_frame(END, exchange, bytes((outcome,)))


def encode_early_hints(exchange: int, fields: bytes) -> bytes:
    """Make the frame of a 103: `fields` is latin-1, names and values separated by line feeds."""
    return encode_frame(EARLY_HINTS, exchange, fields)


def encode_log(exchange: int, level: int, text: str, kind: int = LOG) -> bytes:
    """Make a log entry's frame (`LOG`, `RECORD`, `ERRORS`); what can't be encoded is escaped."""
    return encode_frame(kind, exchange, bytes((level,)) + text.encode("utf-8", "backslashreplace"))


def encode_handled(count: int) -> bytes:
    """Make the frame that says how many frames more the log thread has handled."""
    return encode_frame(HANDLED, 0, NUMBER.pack(count))


def encode_duplicated(fd: int, duplicate: int) -> bytes:
    """Make the answer to a `DUPLICATE` frame (`NO_DESCRIPTOR`: it failed)."""
    return encode_frame(DUPLICATED, 0, _TWO_NUMBERS.pack(fd, duplicate))


def decode_request(payload: bytes) -> tuple[str, bytes]:
    """Split the payload of a `REQUEST` or `REQUEST_FILE` frame into its head and what follows it."""
    end = 4 + NUMBER.unpack_from(payload)[0]
    return payload[4:end].decode("latin-1"), payload[end:]


def decode_number(payload: bytes) -> int:
    """Read a payload that is one u32."""
    value: int = NUMBER.unpack(payload)[0]
    return value


def decode_entry(payload: bytes) -> tuple[int, bool, float, str]:
    """Read an `ENTRY`: level, whether it is judged, milliseconds since the epoch, text."""
    level, judged, time = _ENTRY.unpack_from(payload)
    return level, bool(judged), time, payload[_ENTRY.size :].decode("utf-8", "replace")


Frame = Tuple[int, int, bytes]
"""Kind, exchange id, payload."""


def decode_frames(buffer: bytes) -> tuple[list[Frame], bytes]:
    """Split `buffer` into its whole frames and the rest: the start of a frame that isn't whole yet."""
    frames: list[Frame] = []
    offset = 0
    end = len(buffer)
    while end - offset >= HEADER.size:
        length, kind, exchange = HEADER.unpack_from(buffer, offset)
        start = offset + HEADER.size
        if end - start < length:
            break
        offset = start + length
        frames.append((kind, exchange, buffer[start:offset]))
    return frames, buffer[offset:]
