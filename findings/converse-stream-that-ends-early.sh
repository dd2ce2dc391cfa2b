#!/usr/bin/env bash
# boto3 1.43.102 / botocore 1.43.106: a ConverseStream that breaks off raises urllib3's ProtocolError.
#
# A good guess: whatever goes wrong while the events of `converse_stream` are read is a ClientError or a BotoCoreError
# (EventStreamError, ReadTimeoutError, ResponseStreamingError), so catching these two is enough to tell a model that
# went away from a fault of one's own.
# What happens: when the server goes after some events, reading the next one raises urllib3.exceptions.ProtocolError,
# which is neither. The text that came so far has been delivered.
# Source: botocore/eventstream.py and response.py; Amazon Bedrock, "ConverseStream"; run against a server on the loopback.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check boto3==1.43.102 botocore==1.43.106
"$here/venv/bin/python" - <<'EOF'
import json
import os
import socketserver
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler

os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()


def event(kind: str, body: object) -> bytes:
    """A message of application/vnd.amazon.eventstream."""
    named = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    headers = b"".join(header(*each) for each in named.items())
    payload = json.dumps(body).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    start = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return start + struct.pack(">I", zlib.crc32(start))


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.amazon.eventstream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        delta = {"delta": {"text": "hi"}, "contentBlockIndex": 0}
        for each in (event("messageStart", {"role": "assistant"}), event("contentBlockDelta", delta)):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(each), each))
        self.close_connection = True  # without the last chunk, as when the server has gone

    def log_message(self, *_: object) -> None:
        pass


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Model)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()

import boto3
import botocore
from botocore.exceptions import BotoCoreError, ClientError

bedrock = boto3.client("bedrock-runtime", endpoint_url=f"http://127.0.0.1:{server.server_address[1]}")
came: list[str] = []
raised: Exception | None = None
try:
    asked = [{"role": "user", "content": [{"text": "hello"}]}]
    for each in bedrock.converse_stream(modelId="any", messages=asked)["stream"]:
        came += each
except Exception as error:
    raised = error
print(boto3.__version__, botocore.__version__, came, type(raised).__module__, type(raised).__name__)
assert came == ["messageStart", "contentBlockDelta"]
assert raised is not None and not isinstance(raised, BotoCoreError | ClientError)
EOF
