"""A WSGI app with one answer of 10 MB, which is a file's bytes: from memory, from a generator, as the file.

`BENCH_FILE` names the file.
"""

import os

BLOCK = 65536
PATH = os.environ["BENCH_FILE"]

with open(PATH, "rb") as file:
    CONTENT = file.read()


def blocks():
    for start in range(0, len(CONTENT), BLOCK):
        yield CONTENT[start : start + BLOCK]


def read_blocks(file):
    with file:
        while block := file.read(BLOCK):
            yield block


def app(environ, start_response):
    headers = [("Content-Type", "application/octet-stream")]
    path = environ["PATH_INFO"]
    if path == "/generator":  # as from a view that streams: nobody knows the length
        start_response("200 OK", headers)
        return blocks()
    headers.append(("Content-Length", str(len(CONTENT))))
    start_response("200 OK", headers)
    if path == "/memory":
        return [CONTENT]
    file = open(PATH, "rb")
    # A server need not have it (PEP 3333, "Optional Platform-Specific File Handling").
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper(file, BLOCK) if wrapper else read_blocks(file)
