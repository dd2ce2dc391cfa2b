#!/usr/bin/env bash
# awslambdaric 4.2.2 (Lambda's Python runtime) and MiniStack 1.5.33: a named tuple is an object in AWS, a list locally.
#
# A good guess: what a handler returns goes through `json.dumps`, as everybody knows from its errors ("Object of type
# datetime is not JSON serializable"). A named tuple is a tuple, so it is a list; a Decimal, which is what DynamoDB's
# numbers come as, is an error unless it is converted.
# What happens: the runtime writes by simplejson, which makes an object of a NamedTuple, wherever it stands in the
# answer; a Decimal becomes a number with all its digits and ending zeros. The local cloud uses the standard library:
# the same handler answers a list there and fails for the Decimal, and a test that compares with `json.dumps` agrees.
# For users: a Step Functions choice on `$.place[0]` is green on every laptop and finds nothing in AWS; the other way
# round `$.amount` works in AWS alone. Return dictionaries of plain values from handlers whose answer is not text yet.
# Source: https://github.com/aws/aws-lambda-python-runtime-interface-client (awslambdaric/lambda_runtime_marshaller.py);
# https://simplejson.readthedocs.io/en/latest/ (namedtuple_as_object, "default: True");
# https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html (returning a value); ministack/core/lambda_runtime.py
# (the worker's `json.dumps`).
set -euo pipefail
here=$(mktemp -d)
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check awslambdaric==4.2.2 'ministack[full]==1.5.33' boto3==1.43.102
port=$("$here/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
GATEWAY_PORT=$port MINISTACK_HOST=127.0.0.1 HOME=$here LAMBDA_EXECUTOR=local "$here/venv/bin/python" -m ministack >"$here/log" 2>&1 &
cloud=$!
trap 'kill $cloud; wait $cloud 2>/dev/null || true; rm -rf "$here"' EXIT
for _ in $(seq 100); do
    curl -sf "http://127.0.0.1:$port/_ministack/health" >/dev/null && break
    sleep 0.2
done
cat >"$here/here.py" <<'EOF'
from decimal import Decimal
from typing import NamedTuple


class Place(NamedTuple):
    north: float
    east: float


def handler(event, context):
    return {"place": Place(52.5, 13.4)} if event["ask"] == "place" else {"amount": Decimal("1.10")}
EOF
cd "$here"
PORT=$port venv/bin/python - <<'EOF'
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import boto3

EVENTS = [{"ask": "place"}, {"ask": "amount"}]


def of_the_runtime():
    """The answers of Lambda's runtime client, which runs here against the interface that Lambda gives it."""
    answers, done = [], threading.Event()

    class RuntimeInterface(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):  # .../invocation/next
            if len(answers) == len(EVENTS):
                done.set()
                threading.Event().wait()
            body = json.dumps(EVENTS[len(answers)]).encode()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", "one")
            self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:one")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):  # .../invocation/one/response
            answers.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), RuntimeInterface)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    runtime = subprocess.Popen(
        [sys.executable, "-m", "awslambdaric", "here.handler"],
        env={**os.environ, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", "PYTHONPATH": os.getcwd()},
    )
    assert done.wait(60)
    runtime.terminate()
    runtime.wait()
    return answers


def of_the_local_cloud():
    here = {"region_name": "us-east-1", "endpoint_url": f"http://127.0.0.1:{os.environ['PORT']}"}
    lambdas = boto3.client("lambda", aws_access_key_id="test", aws_secret_access_key="test", **here)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.write("here.py")
    lambdas.create_function(
        FunctionName="one",
        Runtime=f"python3.{sys.version_info.minor}",
        Handler="here.handler",
        Role="arn:aws:iam::000000000000:role/one",
        Code={"ZipFile": code.getvalue()},
    )
    lambdas.get_waiter("function_active_v2").wait(FunctionName="one")
    return [lambdas.invoke(FunctionName="one", Payload=json.dumps(each))["Payload"].read().decode() for each in EVENTS]


aws, local = of_the_runtime(), of_the_local_cloud()
print("awslambdaric", version("awslambdaric"), *aws)
print("ministack", version("ministack"), *local)
assert aws == ['{"place": {"north": 52.5, "east": 13.4}}', '{"amount": 1.10}'], "out of date: the runtime writes otherwise"
assert json.loads(local[0]) == {"place": [52.5, 13.4]}
assert "Decimal is not JSON serializable" in local[1], "out of date: the local cloud writes numbers of Decimals now"
EOF
