"""What `wsgi-ts doctor` asks inside the embedded Python, in a process that may crash of it.

Called through entry.py by src/doctor/probe.ts, after `boot.prepare`. Must change nothing.
"""

from __future__ import annotations

import time

from . import boot


def openssl() -> dict[str, str | None]:
    """Use Python's OpenSSL; return its `version`, or None and why it can't be used (`problem`)."""
    try:
        import hashlib  # noqa: PLC0415
        import ssl  # noqa: PLC0415

        hashlib.sha256(b"").hexdigest()
        ssl.create_default_context()
    except Exception as error:
        return {"version": None, "problem": f"{type(error).__name__}: {error}"}
    return {"version": ssl.OPENSSL_VERSION, "problem": None}


def load(app: str) -> dict[str, object]:
    """Load the app as a worker does; return what `boot.check` returns, and the `seconds` it took."""
    began = time.monotonic()
    result = boot.check(app)
    return {**result, "seconds": time.monotonic() - began}
