#!/usr/bin/env bash
# MiniStack 1.5.33: what a Lambda function writes has no eventId in FilterLogEvents; what PutLogEvents wrote has.
#
# A good guess: each event of FilterLogEvents has an eventId, which is how a reader that comes again after some seconds
# tells what it has seen, since two events may have the same time and the same text. MiniStack gives one to events that
# came by PutLogEvents, so a test with lines of one's own finds nothing wrong.
# What happens: lines that functions wrote come with timestamp, ingestionTime, message and logStreamName alone. A reader
# that asks for event["eventId"] works in AWS, with moto and with put events, and ends with a KeyError at the first line
# of a function.
# Source: CloudWatch Logs API reference, FilteredLogEvent ("eventId: The ID of the event"); in
# ministack/services/cloudwatch_logs.py only PutLogEvents makes one.
set -euo pipefail
here=$(mktemp -d)
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check 'ministack[full]==1.5.33' boto3==1.43.102
port=$("$here/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
GATEWAY_PORT=$port MINISTACK_HOST=127.0.0.1 HOME=$here LAMBDA_EXECUTOR=local "$here/venv/bin/python" -m ministack >"$here/log" 2>&1 &
cloud=$!
trap 'kill $cloud; wait $cloud 2>/dev/null || true; rm -rf "$here"' EXIT
for _ in $(seq 100); do
    curl -sf "http://127.0.0.1:$port/_ministack/health" >/dev/null && break
    sleep 0.2
done
PORT=$port "$here/venv/bin/python" - <<'EOF'
import io
import os
import sys
import time
import zipfile
from importlib.metadata import version

import boto3

HERE = {
    "region_name": "us-east-1",
    "endpoint_url": f"http://127.0.0.1:{os.environ['PORT']}",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}
lambdas, logs = boto3.client("lambda", **HERE), boto3.client("logs", **HERE)
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("here.py", "def handler(event, context):\n    print('a line of a function')\n")
lambdas.create_function(
    FunctionName="one",
    Runtime=f"python3.{sys.version_info.minor}",
    Handler="here.handler",
    Role="arn:aws:iam::000000000000:role/one",
    Code={"ZipFile": code.getvalue()},
)
lambdas.get_waiter("function_active_v2").wait(FunctionName="one")
lambdas.invoke(FunctionName="one")
group = "/aws/lambda/one"
logs.create_log_stream(logGroupName=group, logStreamName="put")
line = {"timestamp": int(time.time() * 1000), "message": "a line that was put"}
logs.put_log_events(logGroupName=group, logStreamName="put", logEvents=[line])
found = logs.filter_log_events(logGroupName=group)["events"]
has_id = {each["message"].strip(): "eventId" in each for each in found if each["message"].startswith("a line")}
print("ministack", version("ministack"), "has an eventId:", has_id)
assert has_id == {"a line that was put": True, "a line of a function": False}, found
EOF
