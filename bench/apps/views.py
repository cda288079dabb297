"""Flask views that a comparison of servers needs besides the tutorial's."""

import hashlib
import time

from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/now")
def now():
    return "done\n"


@app.get("/sleep/<int:milliseconds>")
def sleep(milliseconds):
    time.sleep(milliseconds / 1000)
    return "done\n"


@app.post("/order")
def order():
    """Read JSON and write JSON, as an API does."""
    lines = request.get_json()["lines"]
    return jsonify(
        count=sum(line["count"] for line in lines),
        total=sum(line["count"] * line["price"] for line in lines),
        names=sorted(line["name"] for line in lines),
    )


@app.post("/upload")
def upload():
    """Read a body in blocks; its digest, which costs more than any server, only for who asks for it."""
    digest = hashlib.sha256() if "digest" in request.args else None
    length = 0
    while block := request.stream.read(65536):
        length += len(block)
        if digest is not None:
            digest.update(block)
    return jsonify(length=length, sha256=digest and digest.hexdigest())
