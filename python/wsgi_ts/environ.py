"""The `environ` of a request (PEP 3333, "environ Variables"; RFC 3875 for the CGI names).

Called by gateway.py for each request, on the thread that runs the app. The head comes from
src/bridge/request-head.ts as one text, its fields separated by line feeds, in the order that
`build_environ` unpacks. Pure but for a cache of header names; must never do I/O.
"""

from __future__ import annotations

from typing import Any, BinaryIO, Dict
from urllib.parse import unquote_to_bytes

Environ = Dict[str, Any]

_NAMES_AT_MOST = 1024
"""Distinct header names remembered: a client that invents them can't fill the memory."""

_FIRST_HEADER = 11
"""Index of the first header name among a head's fields."""

_keys: dict[str, str] = {}


def _key(name: str) -> str:
    """Return the environ key of the header `name`; "" for one that apps must not see.

    "X_Auth" and "X-Auth" meet in one key: which of them may come here, src/http/field-names.ts knows.
    """
    lower = name.lower()
    if name.startswith(":"):
        key = name[1:]  # never a client's: no field is called so (RFC 9110 section 5.1)
    elif lower == "proxy":
        key = ""  # HTTP_PROXY is a setting of many HTTP clients ("httpoxy", CVE-2016-5385)
    elif lower in ("content-type", "content-length"):
        key = lower.upper().replace("-", "_")
    else:
        key = "HTTP_" + lower.upper().replace("-", "_")
    if len(_keys) < _NAMES_AT_MOST:
        _keys[name] = key
    return key


def _decode(path: str) -> str:
    """Return `path` with its %XX decoded, as latin-1 (PEP 3333, "Unicode Issues")."""
    return unquote_to_bytes(path.encode("latin-1")).decode("latin-1")


def build_environ(base: Environ, head: str, body: BinaryIO) -> Environ:
    """Return the environ of a request: `base`, what `head` says, and `body` as `wsgi.input`."""
    fields = head.split("\n")
    environ = base.copy()
    (
        environ["REQUEST_METHOD"],
        path,
        environ["QUERY_STRING"],
        environ["RAW_URI"],
        environ["SERVER_PROTOCOL"],
        script_name,
        environ["REMOTE_ADDR"],
        remote_port,
        server_name,
        environ["SERVER_PORT"],
        environ["wsgi.url_scheme"],
    ) = fields[:_FIRST_HEADER]
    environ["REQUEST_URI"] = environ["RAW_URI"]
    environ["PATH_INFO"] = _decode(path) if "%" in path else path
    environ["SCRIPT_NAME"] = _decode(script_name) if "%" in script_name else script_name
    environ["wsgi.input"] = body
    keys = _keys
    for index in range(_FIRST_HEADER, len(fields) - 1, 2):
        name = fields[index]
        key = keys.get(name)
        if key is None:
            key = _key(name)
        if key in environ:
            # RFC 9110 §5.3; a cookie's pairs are separated by semicolons (RFC 6265 §5.4).
            separator = "; " if key == "HTTP_COOKIE" else ", "
            environ[key] += separator + fields[index + 1]
        elif key:
            environ[key] = fields[index + 1]
    if remote_port:
        environ["REMOTE_PORT"] = remote_port
    if "SSL_CLIENT_CERT" in environ:
        # src/worker/client-certificate.ts: line feeds separate the fields of a head.
        environ["SSL_CLIENT_CERT"] = environ["SSL_CLIENT_CERT"].replace("\t", "\n")
    environ["SERVER_NAME"] = server_name or _host_name(environ)
    return environ


def _host_name(environ: Environ) -> str:
    """Return SERVER_NAME for a unix socket, which has no name: what the client called us."""
    host: str = environ.get("HTTP_HOST", "")
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if port.isdigit():
        environ["SERVER_PORT"] = port
    else:
        name = host
    return name or "localhost"


def request_line(head: str) -> str:
    """Return how the log names the request with this head: method, target, peer."""
    fields = head.split("\n", 7)
    peer = fields[6] or "unix socket"
    return f"{fields[0]} {fields[3]} from {peer}"
