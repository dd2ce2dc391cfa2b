#!/usr/bin/env bash
# moto 5.2.5: TransactWriteItems with the same ClientRequestToken is applied again.
#
# A good guess: the token makes the call idempotent for ten minutes, as in DynamoDB: a repetition succeeds and changes
# nothing. So a retry after a lost answer can be tested under moto.
# What happens: moto takes the token and applies the transaction again: a counter goes to 2. With a Put that must be new
# the repetition is cancelled, where DynamoDB says success, so right code looks broken and code that treats the
# cancellation of its own repetition as a conflict looks right. (A stream of moto also has a record for a write that
# changes nothing, which DynamoDB leaves out.)
# For users: tests of "exactly once" under moto prove nothing, in either direction; MiniStack 1.5.33 does know the token.
# Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
# (ClientRequestToken); https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html (no record for a
# write that changes no data).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check 'moto[dynamodb]==5.2.5' boto3==1.43.102
"$here/venv/bin/python" - <<'EOF'
import boto3
import moto
from botocore.exceptions import ClientError

HERE = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
ROW = {"id": {"S": "quota"}}
with moto.mock_aws():
    dynamodb, streams = boto3.client("dynamodb", **HERE), boto3.client("dynamodbstreams", **HERE)
    stream = dynamodb.create_table(
        TableName="counts",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]
    add = {"UpdateExpression": "ADD used :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    adding = {"Update": {"TableName": "counts", "Key": ROW, **add}}
    new = {"Item": {"id": {"S": "m1"}}, "ConditionExpression": "attribute_not_exists(id)"}
    appending = {"Put": {"TableName": "counts", **new}}

    def twice(token: str, what: dict[str, object]) -> str:
        """How the repetition ends."""
        dynamodb.transact_write_items(TransactItems=[what], ClientRequestToken=token)
        try:
            dynamodb.transact_write_items(TransactItems=[what], ClientRequestToken=token)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "success"

    def records() -> int:
        shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
        where = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        return len(streams.get_records(ShardIterator=streams.get_shard_iterator(**where)["ShardIterator"])["Records"])

    ends = twice("token-1", adding), twice("token-2", appending)
    used = dynamodb.get_item(TableName="counts", Key=ROW)["Item"]["used"]["N"]
    before = records()
    dynamodb.put_item(TableName="counts", Item={"id": {"S": "m1"}})
    of_nothing = records() - before
print("moto", moto.__version__, "used:", used, "repetitions:", *ends, "records of a write that changes nothing:", of_nothing)
assert used == "2" and ends == ("success", "TransactionCanceledException")
assert of_nothing == 1
EOF
