"""How often the app could be called if there were no server: a WSGI app that calls another one in a loop.

`/PATH?seconds=N` calls the app that `BENCH_CEILING` names (`module:variable`) for N seconds with this very
request, and answers with the number of calls. wsgi-ts runs it, so that it is the same Python, embedded in the
same way, on a thread of the same pool: what is left out is all that a server does between two calls. The loop
does what PEP 3333 asks of any server, and no more.
"""

import importlib
import io
import json
import os
import time

MODULE, VARIABLE = os.environ["BENCH_CEILING"].split(":")
inner = getattr(importlib.import_module(MODULE), VARIABLE)


def call(template):
    environ = template.copy()
    environ["wsgi.input"] = io.BytesIO(b"")
    started = []

    def start_response(status, headers, exc_info=None):
        started[:] = (status, headers)
        return started.append

    result = inner(environ, start_response)
    try:
        body = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    return started[0], body


def app(environ, start_response):
    seconds = float(environ["QUERY_STRING"].partition("=")[2])
    # A request as wrk's, so without what this request has besides.
    template = {**environ, "QUERY_STRING": "", "RAW_URI": environ["PATH_INFO"]}
    status, body = call(template)
    clock = time.perf_counter
    calls, began = 0, clock()
    until = began + seconds
    while clock() < until:
        for _ in range(20):  # a look at the clock costs more than nothing
            call(template)
        calls += 20
    took = clock() - began
    shown = {"status": status, "body": body.decode("latin-1")}
    answer = json.dumps({"calls": calls, "seconds": took, **shown})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [answer.encode("ascii")]
