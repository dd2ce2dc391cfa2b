"""The stream of the event table in tests: what it tells, and following it as Lambda does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel import aws
from kernel.consumers import Handler
from search.consumers import index
from tests.conftest import STACK
from tests.helpers import CONTEXT


def told() -> list[dict[str, Any]]:
    """Every record of the stream, oldest first, as an event source mapping hands them on."""
    client = aws.client("dynamodbstreams")
    arn = aws.client("dynamodb").describe_table(TableName=f"{STACK}-events")["Table"]["LatestStreamArn"]
    (shard,) = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = client.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    found: list[dict[str, Any]] = []
    while records := (answer := client.get_records(ShardIterator=iterator))["Records"]:
        found += [_handed_on(record) for record in records]
        iterator = answer["NextShardIterator"]
    return found


def _handed_on(record: dict[str, Any]) -> dict[str, Any]:
    at = record["dynamodb"]["ApproximateCreationDateTime"].timestamp()
    return {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": at}}


def follow(handler: Handler = index.handler, records: Sequence[dict[str, Any]] | None = None) -> None:
    """Give a consumer everything that the stream tells, or these records; none may fail."""
    answer = handler({"Records": list(told() if records is None else records)}, CONTEXT)
    assert answer == {"batchItemFailures": []}
