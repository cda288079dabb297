"""Which modules get their own OpenSSL, and that the others are loaded as ever."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wsgi_ts import own_openssl


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """Make up a wheel: `wheel({"a.so": ["libb.so"]}, "a.so")` is whether a.so uses OpenSSL."""

    def uses(libraries, name):
        for file in libraries:
            (tmp_path / file).touch()
        found = {str(tmp_path / file): needed for file, needed in libraries.items()}
        folders = [str(tmp_path)]
        monkeypatch.setattr(own_openssl.elf, "read_needed", lambda path: (found[path], folders))
        return own_openssl.uses_openssl("module", str(tmp_path / name))

    return uses


@pytest.mark.parametrize(
    "library",
    ["libssl.so.3", "libcrypto-3dc0a6f3.so.1.1", "libpq-9b38f5e3.so.5.17", "libcurl.so.4"],
)
def test_a_module_that_needs_openssl_or_a_library_of_it_uses_it(wheel, library):
    assert wheel({"a.so": ["libc.so.6", library]}, "a.so")


def test_a_library_of_the_wheel_is_looked_into_and_circles_end(wheel):
    chain = {"a.so": ["b.so"], "b.so": ["c.so", "a.so"], "c.so": ["libssl.so.3"]}
    assert wheel(chain, "a.so")
    assert not wheel({"a.so": ["b.so"], "b.so": ["a.so", "libz.so.1"]}, "a.so")


@pytest.mark.parametrize("library", ["libstdc++.so.6", "libc++.so.1"])
def test_one_with_cplusplus_in_it_does_not(wheel, library):
    assert not wheel({"a.so": ["libssl.so.3", "b.so"], "b.so": [library]}, "a.so")


@pytest.mark.parametrize("library", ["libsslike.so", "libc.so.6", "libpqueue.so", "libstdc++.so.6"])
def test_other_modules_do_not(wheel, library):
    assert not wheel({"a.so": [library]}, "a.so")


def run(code, **variables):
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, check=True, capture_output=True, timeout=30
    )
    return json.loads(done.stdout)


FLAGS = """
import json, os, sys
from importlib.machinery import ExtensionFileLoader
from wsgi_ts import own_openssl
seen = {}
original = ExtensionFileLoader.create_module
def create_module(self, spec):
    seen[spec.name] = bool(sys.getdlopenflags() & os.RTLD_DEEPBIND)
    return original(self, spec)
ExtensionFileLoader.create_module = create_module
own_openssl.install()
own_openssl.install()
before = sys.getdlopenflags()
import ssl, hashlib, _ctypes
print(json.dumps([seen, sys.getdlopenflags() == before]))
"""


@pytest.mark.skipif(not hasattr(os, "RTLD_DEEPBIND"), reason="the C library knows no deep binding")
def test_only_modules_that_use_openssl_are_bound_to_their_own_libraries():
    seen, as_before = run(FLAGS)
    assert seen["_ssl"]
    assert seen["_hashlib"]
    assert not any(deep for name, deep in seen.items() if name not in ("_ssl", "_hashlib"))
    assert "_ctypes" in seen
    assert as_before


@pytest.mark.skipif(not hasattr(os, "RTLD_DEEPBIND"), reason="the C library knows no deep binding")
def test_beside_a_preloaded_allocator_nothing_is_done():
    seen, _ = run("import os; os.environ['LD_PRELOAD'] = 'x'\n" + FLAGS)
    assert not any(seen.values())
