"""The shortcuts that measurements take in moto change no answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.client import BaseClient
from moto import mock_aws

from kernel import aws
from perf.quick_moto import quick_moto

TABLE = "quick"
QUERIES: dict[str, dict[str, Any]] = {
    "a partition": {"KeyConditionExpression": "room = :key"},
    "backwards, a page": {"KeyConditionExpression": "room = :key", "ScanIndexForward": False, "Limit": 3},
    "a range": {"KeyConditionExpression": "room = :key AND n BETWEEN :first AND :last"},
    "a filter": {"KeyConditionExpression": "room = :key AND n > :first", "FilterExpression": "who = :who"},
    "counted": {"KeyConditionExpression": "room = :key", "Select": "COUNT"},
    "nothing": {"KeyConditionExpression": "room = :who"},
    "an index": {"IndexName": "by_who", "KeyConditionExpression": "who = :who"},
    "a range of an index": {"IndexName": "by_who", "KeyConditionExpression": "who = :who AND n < :last"},
    "an index of numbers": {"IndexName": "by_level", "KeyConditionExpression": "level = :first"},
}
VALUES = {":key": {"S": "room2"}, ":first": {"N": "2"}, ":last": {"N": "10"}, ":who": {"S": "ada"}}


def _key(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


@pytest.fixture
def dynamodb(settings: pytest.MonkeyPatch) -> Iterator[BaseClient]:
    """A table with three rooms of twelve items of all kinds of value; some of them are in its indexes."""
    with mock_aws():
        client = aws.client("dynamodb")
        kinds = {"room": "S", "n": "N", "who": "S", "level": "N"}
        indexes = (("by_who", ("who", "n")), ("by_level", ("level",)))
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
            KeySchema=_key("room", "n"),
            GlobalSecondaryIndexes=[
                {"IndexName": name, "KeySchema": _key(*names), "Projection": {"ProjectionType": "KEYS_ONLY"}}
                for name, names in indexes
            ],
        )
        for n in range(36):
            item: dict[str, Any] = {"room": {"S": f"room{n % 3}"}, "n": {"N": str(n // 3)}, "raw": {"B": b"\xff\x00"}}
            item |= {"names": {"SS": ["a", "b"]}, "more": {"M": {"on": {"BOOL": True}, "none": {"NULL": True}}}}
            item |= {"who": {"S": ("ada", "bob")[n % 2]}} if n % 5 else {}
            item |= {"level": {"N": "2" if n % 4 else "2.0"}} if n % 2 else {}
            client.put_item(TableName=TABLE, Item=item)
        yield client


def _asked(client: Any, name: str) -> list[Any]:
    """The items and counts of each page of a query."""
    request: dict[str, Any] = QUERIES[name]
    used = {name: value for name, value in VALUES.items() if name in str(request)}
    found: list[Any] = []
    start: dict[str, Any] = {}
    while True:
        answer = client.query(TableName=TABLE, ExpressionAttributeValues=used, **request, **start)
        found.append((answer.get("Items"), answer["Count"], answer["ScannedCount"]))
        if not (last := answer.get("LastEvaluatedKey")):
            return found
        start = {"ExclusiveStartKey": last}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_finds_the_same(dynamodb: Any, name: str) -> None:
    answers = []
    for way in (nullcontext(), quick_moto()):
        with way:
            answers.append(_asked(dynamodb, name))
    assert answers[0] == answers[1]


def test_reads_and_writes_answer_the_same(dynamodb: Any) -> None:
    answers = []
    key = {"room": {"S": "room1"}, "n": {"N": "3"}}
    for way in (nullcontext(), quick_moto()):
        with way:
            got = dynamodb.get_item(TableName=TABLE, Key=key)["Item"]
            many = dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": [key]}})["Responses"][TABLE]
            old = dynamodb.put_item(TableName=TABLE, Item=got, ReturnValues="ALL_OLD")["Attributes"]
            missing = dynamodb.get_item(TableName=TABLE, Key=key | {"n": {"N": "99"}}).get("Item")
            with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
                dynamodb.put_item(TableName=TABLE, Item=got, ConditionExpression="attribute_not_exists(room)")
            answers.append((got, many, old, missing))
    assert answers[0] == answers[1]
