"""Keeps the app's OpenSSL apart from Node's.

Node exports the symbols of the OpenSSL that is linked into it, and a program's own symbols come first for every
library that is loaded later, whatever version it asks for (ld.so(8); symbol versions don't help, since Node's
have none). So Python's `ssl` would run Node's OpenSSL, and a wheel that brings OpenSSL 1.1 would crash in it.
Here those modules, and no others, are loaded so that their own libraries come first (RTLD_DEEPBIND, dlopen(3)).
Never C++ code: loaded so, it has a `std::cout` of its own, which nobody has made, and dies of writing to it.

Installed by boot.py before anything of the app is imported. Where the C library knows no RTLD_DEEPBIND (musl,
macOS), or another allocator is preloaded (memory of one would be freed by the other), nothing is done.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import ModuleType
from typing import Any

from . import elf

_PYTHONS_OWN = ("_ssl", "_hashlib")
"""Modules of Python's own library that use OpenSSL."""

_USES_OPENSSL = re.compile(r"lib(?:ssl|crypto|pq|curl|mariadb|sybdb)\b")
"""Libraries that are OpenSSL or load it. auditwheel writes `libpq-9b38f5e3.so.5`."""

_IS_CPLUSPLUS = re.compile(r"lib(?:std)?c\+\+")

_AT_MOST = 200
"""Libraries looked at for one module."""


_deep = 0
"""Modules that are being loaded with their own libraries: one may import others while it is."""


def install() -> None:
    """Have modules that use OpenSSL loaded with their own. Called again, it does nothing."""
    flag: int = getattr(os, "RTLD_DEEPBIND", 0)
    original = ExtensionFileLoader.create_module
    if not flag or os.environ.get("LD_PRELOAD") or original.__module__ == __name__:
        return

    def create_module(self: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
        global _deep  # noqa: PLW0603
        deep = uses_openssl(spec.name, self.path)
        if not deep and not _deep:
            return original(self, spec)
        before = sys.getdlopenflags()
        sys.setdlopenflags(before | flag if deep else before & ~flag)
        _deep += deep
        try:
            return original(self, spec)
        finally:
            _deep -= deep
            sys.setdlopenflags(before)

    loader: Any = ExtensionFileLoader
    loader.create_module = create_module


def uses_openssl(name: str, path: str) -> bool:
    """Return whether the extension module `name` in the file `path` loads OpenSSL, and no C++.

    Directly or through the libraries of its wheel; the system's are known by their names.
    """
    if name in _PYTHONS_OWN:
        return True
    if os.sep + "lib-dynload" + os.sep in path:
        return False
    seen: set[str] = set()
    waiting = [path]
    while waiting and len(seen) < _AT_MOST:
        needed, folders = elf.read_needed(waiting.pop())
        for library in needed:
            if library not in seen:
                seen.add(library)
                candidates = (os.path.join(folder, library) for folder in folders)
                waiting += [found for found in candidates if os.path.isfile(found)][:1]
    return any(map(_USES_OPENSSL.match, seen)) and not any(map(_IS_CPLUSPLUS.match, seen))
