#!/usr/bin/env bash
# boto3 1.44.5 (November 2026): a throttled call is given up after 4 tries, not 10, and four failed calls use up all retries.
#
# A good guess: a minor release keeps its defaults, and where a client's Config sets the attempts
# (`{"mode": "standard", "max_attempts": 9}`) each failing call is made ten times, before and after.
# What happens: since botocore 1.44.0 the standard mode is the default, with new numbers. A throttled DynamoDB call of a
# default client is made 4 times instead of 10. A further try costs 14 of the 500 tokens of a client (5 before; still 5
# for throttling), for all its calls together, and a call that succeeds at once gives 1 back. With ten attempts
# configured the fourth failing call in a row is made 9 times and each one after it once, where 1.43 got through eleven.
# When the service is well again, a single hiccup is still an error to the caller, until some calls have succeeded.
# For users: a burst on one partition that was ridden out until now fails messages, and a short outage empties the
# bucket in a third of the time. Lambda keeps the client, and the bucket with it, over many invocations. Say the mode and
# the attempts in Config, and repeat what must not fail by a rule of your own.
# Source: https://aws.amazon.com/blogs/developer/updated-default-retry-behavior-for-aws-sdks-and-tools/ (botocore 1.44.0);
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html ("Retry quota");
# https://github.com/boto/botocore/pull/3678; botocore/retries/standard.py (RetryQuotaChecker, _SERVICE_MAX_ATTEMPTS).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
for pins in "boto3==1.43.102 botocore==1.43.106" "boto3==1.44.5 botocore==1.44.8"; do
    venv=$here/$(cut -d= -f3 <<<"$pins" | cut -d" " -f1)
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check $pins
done
cat >"$here/try.py" <<'EOF'
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import botocore
from botocore.config import Config

FAILING = (500, {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"})
THROTTLED = (400, {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"})
WELL = (200, {})
time.sleep = lambda seconds: None  # the waits between the tries, which are random, are left out
asked = 0
answers = []  # the next ones, of which the last one stays


class Table(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        global asked
        asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        status, content = answers.pop(0) if len(answers) > 1 else answers[0]
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Table)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()


def client(**retries):
    return boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries=retries) if retries else None,
    )


def tries(dynamodb, *of_the_service):
    """How often one call is made, and whether it succeeded."""
    global asked
    asked, answers[:] = 0, of_the_service
    try:
        dynamodb.get_item(TableName="t", Key={"id": {"S": "1"}})
        return asked, "succeeds"
    except dynamodb.exceptions.ClientError:
        return asked, "fails"


throttled, _ = tries(client(), THROTTLED)
configured = client(mode="standard", max_attempts=9)
outage = [tries(configured, FAILING)[0] for _ in range(14)]
hiccup = tries(configured, FAILING, WELL)
well = 0
while tries(configured, FAILING, WELL)[1] == "fails":
    well += 1
    assert tries(configured, WELL) == (1, "succeeds")
print(f"botocore {botocore.__version__}: default, throttled: {throttled} tries | ten attempts configured, in an outage:")
print(f"  {outage} tries; then one hiccup {hiccup[1]}, and so until {well} calls have succeeded")
EOF
before=$("$here/1.43.102/bin/python" "$here/try.py")
after=$("$here/1.44.5/bin/python" "$here/try.py")
printf '%s\n' "$before" "$after"
[ "$before" = "botocore 1.43.106: default, throttled: 10 tries | ten attempts configured, in an outage:
  [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 2, 1, 1] tries; then one hiccup fails, and so until 5 calls have succeeded" ]
[ "$after" = "botocore 1.44.8: default, throttled: 4 tries | ten attempts configured, in an outage:
  [10, 10, 10, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] tries; then one hiccup fails, and so until 4 calls have succeeded" ]
