"""Duplicates of descriptors for a worker without an app, which has no control thread to ask.

Called through entry.py by src/worker/failure-handler.ts, on the main thread (Node's event loop).
"""

from __future__ import annotations

import os


def duplicate(fd: int) -> int:
    """Return a duplicate of `fd`, close-on-exec. Raises OSError."""
    return os.dup(int(fd))
