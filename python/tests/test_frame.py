"""The frames' golden vectors, and every cut of the bytes."""

import json
from pathlib import Path

import pytest

from wsgi_ts import frame

VECTORS = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "frames" / "frames.json").read_text("utf-8")
)
FRAMES = VECTORS["frames"]
TO_NODE = [vector for vector in FRAMES if VECTORS["kinds"][vector["kind"]] >= 32]
TO_PYTHON = [vector for vector in FRAMES if VECTORS["kinds"][vector["kind"]] < 32]


def name(vector):
    return vector["name"]


def test_kinds_and_levels_are_those_of_the_vectors():
    kinds = {kind: getattr(frame, kind.upper()) for kind in VECTORS["kinds"]}
    levels = [getattr(frame, level.upper()) for level in VECTORS["levels"]]
    assert kinds == VECTORS["kinds"]
    assert levels == list(range(len(levels)))


def encode(vector):
    kind, exchange = vector["kind"], vector["id"]
    head = vector.get("head", "").encode("latin-1")
    if kind == "response":
        return frame.encode_response(exchange, head, bytes.fromhex(vector["body"]))
    if kind == "response_file":
        offset, length = vector["offset"], vector["length"]
        return frame.encode_response_file(exchange, head, vector["fd"], offset, length)
    if kind == "response_stream":
        return frame.encode_response_stream(exchange, head, vector["fd"])
    if kind == "end":
        return frame.encode_end(exchange, vector["outcome"])
    if "level" in vector:
        level = VECTORS["levels"].index(vector["level"])
        return frame.encode_log(exchange, level, vector["text"], VECTORS["kinds"][kind])
    if kind == "handled":
        return frame.encode_handled(vector["number"])
    if kind == "early_hints":
        return frame.encode_early_hints(exchange, vector["fields"].encode("latin-1"))
    if kind == "duplicated":
        return frame.encode_duplicated(vector["number"], vector["duplicate"])
    return frame.encode_frame(VECTORS["kinds"][kind], exchange, vector.get("text", "").encode())


@pytest.mark.parametrize("vector", TO_NODE, ids=name)
def test_what_node_reads_is_encoded_as_the_vector_says(vector):
    assert encode(vector).hex() == vector["hex"]


@pytest.mark.parametrize("vector", TO_PYTHON, ids=name)
def test_what_node_sends_is_read_as_the_vector_says(vector):
    frames, rest = frame.decode_frames(bytes.fromhex(vector["hex"]))
    [(kind, exchange, payload)] = frames
    assert (kind, exchange, rest) == (VECTORS["kinds"][vector["kind"]], vector["id"], b"")
    if "head" in vector:
        head, behind = frame.decode_request(payload)
        assert head == vector["head"]
        if "fd" in vector:
            assert frame.decode_number(behind) == vector["fd"]
        else:
            assert behind.hex() == vector["body"]
    elif "number" in vector:
        assert frame.decode_number(payload) == vector["number"]
    elif "time" in vector:
        level = VECTORS["levels"].index(vector["level"])
        expected = (level, vector["judged"], vector["time"], vector["text"])
        assert frame.decode_entry(payload) == expected
    else:
        assert payload.decode() == vector.get("text", "")


def test_frames_are_the_same_however_their_bytes_are_cut():
    stream = b"".join(bytes.fromhex(vector["hex"]) for vector in FRAMES)
    whole, _ = frame.decode_frames(stream)
    assert len(whole) == len(FRAMES)
    for size in (1, 2, 3, 8, 9, 10, 13, 100):
        frames, rest = [], b""
        for start in range(0, len(stream), size):
            more, rest = frame.decode_frames(rest + stream[start : start + size])
            frames += more
        assert (frames, rest) == (whole, b"")


def test_a_log_entry_survives_text_that_utf8_cannot_hold():
    [(_, _, payload)], _ = frame.decode_frames(frame.encode_log(0, frame.ERROR, "\udcff"))
    assert payload[1:] == b"\\udcff"
