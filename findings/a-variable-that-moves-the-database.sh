#!/usr/bin/env bash
# boto3 1.44.5 (and 1.43.102): a variable AWS_ACCOUNT_ID, or a table named by its ARN, changes DynamoDB's host.
#
# A good guess: a function that is given its account's number as AWS_ACCOUNT_ID, to put ARNs and queues' addresses
# together, has a variable of its own; what a client connects to stands in `client.meta.endpoint_url`.
# What happens: where credentials come from the environment, as in Lambda, the variable belongs to them, and each call
# of DynamoDB goes to <number>.ddb.<region>.amazonaws.com, while `meta.endpoint_url` says
# dynamodb.<region>.amazonaws.com as before. The text is not looked at: "local" makes local.ddb.… . Without the
# variable a table that is named by its ARN, as one of another account has to be, moves that call alone, so one client
# has two hosts, each with a connection of its own to open. With FIPS nothing moves, and neither does SQS.
# For users: an egress list, a proxy or a mock by name that knows DynamoDB's one address stops all of it, after a
# change that set a variable. Give such a variable another name, or set AWS_ACCOUNT_ID_ENDPOINT_MODE=disabled.
# Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-account-endpoints.html;
# https://github.com/boto/boto3/issues/4449 (the announcement, open); botocore, credentials.py (EnvProvider).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
for version in 1.44.5 1.43.102; do
    python3 -m venv "$here/$version"
    "$here/$version/bin/pip" install -q --disable-pip-version-check "boto3==$version"
done
cat >"$here/hosts.py" <<'PYTHON'
import os

import boto3
from botocore.awsrequest import AWSResponse

REGION, OURS, THEIRS = "eu-central-1", "123456789012", "210987654321"
os.environ |= {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": REGION}
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


class Empty:
    def stream(self, *_, **__):
        yield b"{}"


def host(service, call, **environment):
    """The host of a call, which is answered before it is sent, and the one that the client names."""
    os.environ |= environment
    try:
        client = boto3.session.Session().client(service)
        asked = []

        def answer(request, **_):
            asked.append(request.url.split("/")[2])
            return AWSResponse(request.url, 200, {}, Empty())

        client.meta.events.register("before-send", answer)
        call(client)
        return asked[0].removesuffix(".amazonaws.com"), client.meta.endpoint_url.split("/")[2].partition(".")[0]
    finally:
        for name in environment:
            del os.environ[name]


def item_of(table):
    return lambda client: client.get_item(TableName=table, Key={"id": {"S": "1"}})


own, other = item_of("messages"), item_of(f"arn:aws:dynamodb:{REGION}:{THEIRS}:table/messages")
found = {
    "neither": host("dynamodb", own),
    "the variable": host("dynamodb", own, AWS_ACCOUNT_ID=OURS),
    "any text in it": host("dynamodb", own, AWS_ACCOUNT_ID="local"),
    "a table's ARN": host("dynamodb", other),
    "both": host("dynamodb", other, AWS_ACCOUNT_ID=OURS),
    "switched off": host("dynamodb", other, AWS_ACCOUNT_ID=OURS, AWS_ACCOUNT_ID_ENDPOINT_MODE="disabled"),
    "FIPS": host("dynamodb", own, AWS_ACCOUNT_ID=OURS, AWS_USE_FIPS_ENDPOINT="true"),
    "SQS": host("sqs", lambda client: client.list_queues(), AWS_ACCOUNT_ID=OURS),
}
print("boto3", boto3.__version__)
for which, each in found.items():
    print(f"{which}: {each[0]}, named {each[1]}")
assert found == {
    "neither": (f"dynamodb.{REGION}", "dynamodb"),
    "the variable": (f"{OURS}.ddb.{REGION}", "dynamodb"),
    "any text in it": (f"local.ddb.{REGION}", "dynamodb"),
    "a table's ARN": (f"{THEIRS}.ddb.{REGION}", "dynamodb"),
    "both": (f"{THEIRS}.ddb.{REGION}", "dynamodb"),
    "switched off": (f"dynamodb.{REGION}", "dynamodb"),
    "FIPS": (f"dynamodb-fips.{REGION}", "dynamodb-fips"),
    "SQS": (f"sqs.{REGION}", "sqs"),
}, "hosts are chosen otherwise now: this finding is out of date"
PYTHON
for version in 1.44.5 1.43.102; do
    "$here/$version/bin/python" "$here/hosts.py"
done
