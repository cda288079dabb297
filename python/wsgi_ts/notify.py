"""What the master tells the service manager that started it (sd_notify(3)).

Called by the master (src/master/notify.ts) through `interpreter.call`, on its JS thread: Node has no
datagrams on unix sockets. It must never raise, nor wait for long: the master's event loop waits.
"""

from __future__ import annotations

import socket

_PATIENCE = 0.5
"""Seconds that a full queue of the manager is waited for: what is lost can't be said again."""


def send(address: str, text: str) -> str:
    """Send `text`, lines of `NAME=value`, to the datagram socket at `address`.

    address: a path, or `@name` for an abstract socket (unix(7)), as NOTIFY_SOCKET has it.

    Return an empty text, or why it could not be sent.
    """
    target = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(_PATIENCE)
            sock.connect(target)
            sock.sendall(text.encode())
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
    return ""
