#!/usr/bin/env bash
# botocore 1.43.106: one throttling has two names, two classes and two fates, before and after a stream has begun.
#
# A good guess: `except bedrock.exceptions.ThrottlingException`, or a look whether the code is "ThrottlingException",
# finds a model that has no capacity, and the retries of Config(retries=...) try again.
# What happens: as the answer to the call it is so: the modelled class, the code "ThrottlingException", the call made
# twice. The same refusal as an event of ConverseStream is an EventStreamError, not the class of the client, its code is
# "throttlingException" with a small t (the name of the stream's member), without a status, and nothing is tried again.
# For users: the busiest hour is counted as an unknown fault. Compare codes without case, and retry streams yourself
# as long as nothing has been shown.
# Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
# (throttlingException) and API_runtime_ConverseStream.html ("Errors": ThrottlingException); botocore/eventstream.py.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check boto3==1.43.102 botocore==1.43.106
"$here/venv/bin/python" - <<'EOF'
import json
import os
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
REFUSAL = json.dumps({"message": "Too many tokens, please wait."}).encode()


def message(body: bytes, **headers: str) -> bytes:
    """Of application/vnd.amazon.eventstream; the names of headers begin with a colon and have dashes."""
    coded = b""
    for name, value in headers.items():
        named = b":" + name.replace("_", "-").encode()
        coded += bytes([len(named)]) + named + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    sizes = struct.pack(">II", 16 + len(coded) + len(body), len(coded))
    start = sizes + struct.pack(">I", zlib.crc32(sizes)) + coded + body
    return start + struct.pack(">I", zlib.crc32(start))


class Busy(BaseHTTPRequestHandler):
    calls = 0
    within_the_stream = False

    def do_POST(self) -> None:
        type(self).calls += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.within_the_stream:
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.amazon.eventstream")
            body = message(REFUSAL, message_type="exception", exception_type="throttlingException")
        else:
            self.send_response(429)
            self.send_header("x-amzn-ErrorType", "ThrottlingException")
            body = REFUSAL
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

bedrock = boto3.client(
    "bedrock-runtime",
    endpoint_url=f"http://127.0.0.1:{server.server_port}",
    config=Config(retries={"mode": "standard", "total_max_attempts": 2}),
)
seen = []
for Busy.within_the_stream in (False, True):
    Busy.calls = 0
    try:
        list(bedrock.converse_stream(modelId="any", messages=[{"role": "user", "content": [{"text": "hi"}]}])["stream"])
    except ClientError as error:
        modelled = isinstance(error, bedrock.exceptions.ThrottlingException)
        seen.append((error.response["Error"]["Code"], type(error).__name__, modelled, Busy.calls))
print("botocore", botocore.__version__)
for how, found in zip(("as the answer:", "in the stream:"), seen, strict=True):
    print(how, *found)
assert seen == [
    ("ThrottlingException", "ThrottlingException", True, 2),
    ("throttlingException", "EventStreamError", False, 1),
]
EOF
