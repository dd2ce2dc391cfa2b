#!/usr/bin/env bash
# aws-lambda-powertools 3.37.0, idempotency: a call answers False, the table keeps false, the repetition gets None.
#
# A good guess: a repetition gets what the first call returned, as long as JSON can say it; and since this year's fix of
# "falsy responses" that holds for False, 0, "", [] and {} as well.
# What happens: the fix mended the way in. The table now has `false`, and the way out still asks whether the stored
# answer is true, so every repetition of these five gets None, while True, 7 and ["a"] come back as they are. The first
# call answers rightly, so nothing shows until a message or a request comes twice.
# For users: "may this person join?" is False and then, to the retry, None; a list that was empty is nothing that one
# can iterate over, so the retry ends in a TypeError that the first call did not know. Return a dictionary that is not
# empty, or give an output serializer that wraps the result.
# Source: https://github.com/aws-powertools/powertools-lambda-python/issues/8090 and its pull request 8176 (April 2026);
# aws_lambda_powertools/utilities/idempotency/base.py (_handle_for_status: `... if response_dict else None`);
# https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check \
    aws-lambda-powertools==3.37.0 boto3==1.43.102 'moto[dynamodb]==5.2.5'
"$here/venv/bin/python" -W ignore - <<'EOF'
import json
import os
from importlib.metadata import version

os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}

import boto3
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, idempotent_function
from aws_lambda_powertools.utilities.idempotency.serialization.custom_dict import CustomDictSerializer
from moto import mock_aws

GIVEN = [True, 7, ["a"], {"a": 1}, False, 0, "", [], {}]


def first_and_repeated(results: list[object], **options: object) -> list[tuple[object, object]]:
    store = DynamoDBPersistenceLayer(table_name="done")

    @idempotent_function(data_keyword_argument="message", persistence_store=store, **options)
    def work(*, message: str) -> object:
        return results[int(message)]

    return [(work(message=str(n)), work(message=str(n))) for n in range(len(results))]


with mock_aws():
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName="done",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    seen = first_and_repeated(GIVEN)
    kept = sorted(item["data"]["S"] for item in dynamodb.scan(TableName="done")["Items"])
    in_a_box = CustomDictSerializer(to_dict=lambda result: {"is": result}, from_dict=lambda box: box["is"])
    boxed = first_and_repeated([True, False], output_serializer=in_a_box, key_prefix="boxed")
for first, repeated in seen:
    print(f"{first!r:10} repeated: {repeated!r}")
print("powertools", version("aws-lambda-powertools"), "kept:", *kept, " with a serializer:", boxed)
assert [first for first, _ in seen] == GIVEN
assert [repeated for _, repeated in seen[:4]] == GIVEN[:4]
assert all(repeated is None for _, repeated in seen[4:]), "false results are kept now: this finding is out of date"
assert kept == sorted(json.dumps(each) for each in GIVEN)
assert boxed == [(True, True), (False, False)]
EOF
