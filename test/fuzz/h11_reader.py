"""A second reader of HTTP/1: h11, which shares no line with us nor with Node.

Each line of standard input is a JSON object with a stream's bytes in hexadecimal (`data`); each line of
standard output says which requests h11 found in it, up to its end, and whether it refused something (`refused`: the
reason, or null).
"""

import hashlib
import json
import sys

import h11


def read(data):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    requests = []
    try:
        connection.receive_data(data)
        connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request = {"method": event.method.decode(), "target": event.target.decode()}
                body = b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                request["body"] = hashlib.sha256(body).hexdigest()
                requests.append(request)
                head = h11.Response(status_code=200, headers=[("Content-Length", "0")])
                connection.send(head)
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    break
                connection.start_next_cycle()
            else:
                break
    except h11.ProtocolError as error:
        return {"requests": requests, "refused": str(error)}
    return {"requests": requests, "refused": None}


for line in sys.stdin:
    print(json.dumps(read(bytes.fromhex(json.loads(line)["data"]))), flush=True)
