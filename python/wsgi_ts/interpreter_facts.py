"""Print, as one line of JSON, what a binding for the Python that runs this must be compiled against.

Run by src/binding/interpreter-facts.ts as a program of its own, `python -E -s -S interpreter_facts.py`, in
whatever the person's `python3` is: so it must run in Python 2.7 and PyPy, too, to be told apart from
what will do. It imports nothing but the standard library.
"""
# mypy: ignore-errors

import sys

del sys.path[0]  # our own folder: no module of ours may stand in for one of the library's

import json
import os
import platform
import sysconfig


def _libraries(prefix, version):
    """Return where the shared library may be, best first; conda's sysconfig names a static one."""
    variable = sysconfig.get_config_var
    folders = [
        variable("LIBDIR"),
        os.path.join(prefix, "lib"),
        os.path.join(prefix, "lib64"),
        os.path.join(prefix, "lib", variable("MULTIARCH") or ""),
        variable("PYTHONFRAMEWORKPREFIX"),
    ]
    names = [variable("INSTSONAME"), "libpython%s.so.1.0" % version, "libpython%s.dylib" % version]
    return [
        os.path.join(folder, name)
        for folder in folders
        for name in names
        if folder and name and not name.endswith(".a")
    ]


def _facts():
    prefix = getattr(sys, "base_prefix", sys.prefix)
    # 3.12, 3.12d, 3.13t: what is compiled for one can't be loaded by the other.
    version = sysconfig.get_config_var("LDVERSION") or "%d.%d" % sys.version_info[:2]
    include = sysconfig.get_path("include") or ""
    return {
        "implementation": platform.python_implementation(),
        "version": "%d.%d.%d" % sys.version_info[:3],
        "binary_version": version,
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "executable": getattr(sys, "_base_executable", sys.executable),
        "base_prefix": prefix,
        "library": next(iter(filter(os.path.isfile, _libraries(prefix, version))), None),
        "include": include,
        "has_headers": os.path.isfile(os.path.join(include, "Python.h")),
    }


print(json.dumps(_facts()))
