"""Prints what scripts/bootstrap.sh must know of the Python that runs this, one value a line.

Runs on any Python 3, before anything is installed; imports nothing but the standard library.
"""

import sys
import sysconfig
from importlib.util import find_spec
from os import path

library = sysconfig.get_config_var("LIBDIR") or ""
print("%d.%d.%d" % sys.version_info[:3])
# Of a virtual environment's Python, the one it was made from.
print(getattr(sys, "_base_executable", sys.executable))
print(sys.base_prefix)
# 1: it was built with --enable-shared, so that another program can embed it.
print(sysconfig.get_config_var("Py_ENABLE_SHARED") or 0)
print(library)
print(path.join(library, sysconfig.get_config_var("INSTSONAME") or ""))
print(sysconfig.get_config_var("LIBPC") or "")
print(path.join(sysconfig.get_config_var("INCLUDEPY") or "", "Python.h"))
# Debian ships ensurepip apart, in python3-venv; without it `python3 -m venv` fails.
print(1 if find_spec("ensurepip") else 0)
