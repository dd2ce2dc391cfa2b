"""The stream of the event table in tests: what it tells, and following it as Lambda and the queues do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moto.backends import get_backend

from kernel import aws, clock
from kernel.consumers import Handler
from log import subscriptions
from log.consumers import dispatch, losses
from search.consumers import index
from tests.conftest import REGION, STACK
from tests.helpers import CONTEXT
from tests.tools import ACCOUNT, queue_event


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


def dispatched(queue: str, records: Sequence[dict[str, Any]] | None = None, *, behind: bool = True) -> list[str]:
    """The messages that a subscriber's queue holds once everything that the stream tells, or these records, was
    dispatched; they are taken out. None may fail. `behind`: some seconds late, so nothing is handled at once."""
    late_ms = subscriptions.AT_ONCE_MS if behind else 0
    with clock.held(clock.now() + late_ms):
        answer = dispatch.handler({"Records": list(told() if records is None else records)}, CONTEXT)
    assert answer == {"batchItemFailures": []}
    found = get_backend("sqs")[ACCOUNT][REGION].get_queue(f"{STACK}-{queue}")
    bodies = [str(message.body) for message in found._messages]
    found._messages.clear()
    return bodies


def follow(
    handler: Handler = index.handler,
    records: Sequence[dict[str, Any]] | None = None,
    *,
    queue: str = "search",
    behind: bool = True,
) -> None:
    """Let a subscriber follow everything that the stream tells, or these records; none may fail."""
    answer = handler(queue_event(*dispatched(queue, records, behind=behind)), CONTEXT)
    assert answer == {"batchItemFailures": []}


def settle_losses() -> None:
    """Have everything ended that stood on rights which people have lost, or gained, so far."""
    follow(losses.handler, queue="losses")
