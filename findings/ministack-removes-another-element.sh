#!/usr/bin/env bash
# MiniStack 1.5.33: `REMOVE l[0], l[2]` removes the first and the fourth element of a list, not the first and the third.
#
# A good guess: the indices of an update expression mean the item as it was before, as DynamoDB's own guide shows by an
# example, so two elements can be removed by one update.
# What happens: MiniStack removes one after the other from a list that has grown shorter. The write succeeds, with the
# wrong element gone; the other order, `REMOVE l[2], l[0]`, is right, and moto 5.2.5 is right in both.
# For users: a test on the local cloud either fails for code that is right in AWS, or leads to code that subtracts one,
# which deletes the wrong vote or reader in AWS. Keep such lists as maps or sets, or remove from the back.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
# ("Removing elements from a list").
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check ministack==1.5.33 'moto[dynamodb]==5.2.5' boto3==1.43.102
port=$("$here/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
GATEWAY_PORT=$port MINISTACK_HOST=127.0.0.1 HOME=$here "$here/venv/bin/python" -m ministack >"$here/log" 2>&1 &
cloud=$!
trap 'kill $cloud; wait $cloud 2>/dev/null || true; rm -rf "$here"' EXIT
for _ in $(seq 300); do
    curl -sf "http://127.0.0.1:$port/_ministack/health" >/dev/null && break
    sleep 0.2
done
PORT=$port "$here/venv/bin/python" - <<'EOF'
import os
from importlib.metadata import version

import boto3
from moto import mock_aws

HERE = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
ROW = {"id": {"S": "a"}}


def left_by(dynamodb, expression: str) -> str:
    """What is left of the list A B C D E."""
    letters = [{"S": each} for each in "ABCDE"]
    dynamodb.put_item(TableName="lists", Item={**ROW, "l": {"L": letters}})
    dynamodb.update_item(TableName="lists", Key=ROW, UpdateExpression=expression)
    return "".join(each["S"] for each in dynamodb.get_item(TableName="lists", Key=ROW)["Item"]["l"]["L"])


def both_ways(dynamodb) -> tuple[str, str]:
    dynamodb.create_table(
        TableName="lists",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    return left_by(dynamodb, "REMOVE l[0], l[2]"), left_by(dynamodb, "REMOVE l[2], l[0]")


by_ministack = both_ways(boto3.client("dynamodb", endpoint_url=f"http://127.0.0.1:{os.environ['PORT']}", **HERE))
with mock_aws():
    by_moto = both_ways(boto3.client("dynamodb", **HERE))
print("ministack", version("ministack"), *by_ministack, " moto", version("moto"), *by_moto)
assert by_moto == ("BDE", "BDE")
assert by_ministack == ("BCE", "BDE")
EOF
