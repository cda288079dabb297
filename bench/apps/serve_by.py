"""Starts the peers that have no command of their own, or one that can't be told enough.

`serve_by.py bjoern|waitress MODULE:VARIABLE PORT WORKERS THREADS`, in the app's folder.
"""

import importlib
import logging
import os
import signal
import sys

name, target, port, workers, threads = sys.argv[1:]
sys.path.insert(0, os.getcwd())
module, variable = target.split(":")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def load():
    return getattr(importlib.import_module(module), variable)


if name == "waitress":
    import waitress

    # It would log a warning for each request that waits, which is a cost of the log, not of the server.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    waitress.serve(
        load(),
        listen=f"127.0.0.1:{port}",
        threads=int(threads),
        backlog=2048,
        connection_limit=4096,
        asyncore_use_poll=True,
    )
else:
    import bjoern

    app = load()
    bjoern.listen(app, "127.0.0.1", int(port), listen_backlog=2048)
    children = []
    for _ in range(int(workers) - 1):
        pid = os.fork()
        if pid == 0:
            children = []
            break
        children.append(pid)
    try:
        bjoern.run()
    finally:
        for pid in children:
            os.kill(pid, signal.SIGTERM)
