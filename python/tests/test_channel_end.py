"""A channel's end, however the other side made it."""

import socket

from wsgi_ts.channel import Channel


def test_an_end_with_something_unread_is_an_end_like_any_other():
    ours, nodes = socket.socketpair()
    channel = Channel(ours)
    ours.send(b"what Node has not read")
    nodes.close()  # which is a reset, then
    assert channel.receive() is None
    channel.close()
