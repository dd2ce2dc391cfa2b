"""moto, the fake AWS of the in-process measurements, accessed below botocore."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends

REGION = "us-east-1"
_BATCH_GET, _QUERY = "DynamoDB_20120810.BatchGetItem", "DynamoDB_20120810.Query"
_reads_are_quick = False


def disconnect(session: Any) -> Any:
    """Remove moto's handler from a botocore session, which would call all handlers; returns the session's events."""
    events = session.get_component("event_emitter")
    events.unregister("before-send", botocore_stubber)
    return events


def answer(request: AWSPreparedRequest) -> AWSResponse:
    """moto's answer to a request. Raises LookupError for a service that moto does not implement."""
    if _reads_are_quick and (quick := _quick_answer(request)) is not None:
        return quick
    response = botocore_stubber("before-send", request)
    if response is None:
        raise LookupError(f"nobody answers {request.url}")
    return response


def item(table: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The stored item, None if there is none."""
    found = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].get_item(table, dict(key))
    return None if found is None else found.to_json()["Attributes"]


def _sent_at(message: Any) -> float:
    return float(message.sent_timestamp)


def take_messages(queue_names: Sequence[str]) -> list[str]:
    """Empty queues without a counted call, as AWS polls them for a function; returns the messages in the order sent."""
    queues = [sqs_backends[DEFAULT_ACCOUNT_ID][REGION].get_queue(name) for name in queue_names]
    found = sorted((message for queue in queues for message in queue._messages), key=_sent_at)
    for queue in queues:
        queue._messages.clear()
    return [str(message.body) for message in found]


@contextmanager
def quick_reads() -> Iterator[None]:
    """Answer reads without moto's serialization.

    moto takes 100 ms of CPU to write an answer of 50 items, and 10 ms for a query of one: more than all that is
    measured.
    """
    global _reads_are_quick
    _reads_are_quick = True
    try:
        yield
    finally:
        _reads_are_quick = False


def _quick_answer(request: AWSPreparedRequest) -> AWSResponse | None:
    """The answer to BatchGetItem, or to a query of an index by its hash key alone, from moto's stored items."""
    target: Any = request.headers.get("X-Amz-Target", b"")
    name = target.decode() if isinstance(target, bytes) else str(target)
    if name not in (_BATCH_GET, _QUERY):
        return None
    body: Any = request.body
    asked = json.loads(body)
    if name == _BATCH_GET:
        return _raw(request, _batch(asked["RequestItems"]))
    if "IndexName" not in asked or len(asked["ExpressionAttributeValues"]) != 1 or "ProjectionExpression" in asked:
        return None
    return _raw(request, _of_index(asked))


def _batch(asked: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        table: [each for key in wanted["Keys"] if (each := item(table, key)) is not None]
        for table, wanted in asked.items()
    }
    return {"Responses": found, "UnprocessedKeys": {}}


def _of_index(asked: Mapping[str, Any]) -> dict[str, Any]:
    (name,) = asked["ExpressionAttributeNames"].values()
    (value,) = asked["ExpressionAttributeValues"].values()
    table = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].get_table(asked["TableName"])
    items = [each.to_json()["Attributes"] for each in table.all_items()]
    found = [each for each in items if each.get(name) == value]
    return {"Items": found, "Count": len(found), "ScannedCount": len(found)}


def _raw(request: AWSPreparedRequest, answer: Mapping[str, Any]) -> AWSResponse:
    headers: Any = {"Content-Type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, 200, headers, RawResponse(json.dumps(answer).encode()))


class RawResponse(BytesIO):
    """A body with the interface that botocore reads."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        while part := self.read():
            yield part
