"""What the local cloud keeps, place by place, as text to be searched for canaries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis

from tests.e2e.tools import operators_client


def tables(endpoints: Mapping[str, str]) -> dict[str, str]:
    """The content of every table."""
    dynamodb = operators_client(endpoints, "dynamodb")
    return {f"table {name}": _scanned(dynamodb, TableName=name) for name in dynamodb.list_tables()["TableNames"]}


def indexes(endpoints: Mapping[str, str]) -> dict[str, str]:
    """The content of every index of a table."""
    dynamodb = operators_client(endpoints, "dynamodb")
    return {
        f"index {name} {index['IndexName']}": _scanned(dynamodb, TableName=name, IndexName=index["IndexName"])
        for name in dynamodb.list_tables()["TableNames"]
        for index in dynamodb.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", ())
    }


def _scanned(dynamodb: Any, **asked: str) -> str:
    return "".join(str(page["Items"]) for page in dynamodb.get_paginator("scan").paginate(**asked))


def blobs(endpoints: Mapping[str, str]) -> dict[str, str]:
    """Every blob of less than 1 MB that is not the deployment's own."""
    s3 = operators_client(endpoints, "s3")
    found = {}
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"] if "-drive-" in each["Name"]):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", ()):
                if each["Size"] < 1_000_000:
                    body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
                    found[f"blob {bucket}/{each['Key']}"] = body.decode("latin-1")
    return found


def queues(endpoints: Mapping[str, str]) -> dict[str, str]:
    """The messages in queues and dead-letter queues; they stay there."""
    sqs = operators_client(endpoints, "sqs")
    found = {}
    for url in sqs.list_queues().get("QueueUrls", ()):
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        found[f"queue {url}"] = str(answer.get("Messages", ()))
    return found


def cache(endpoints: Mapping[str, str]) -> dict[str, str]:
    """Every key of Redis, with its name and content."""
    with redis.Redis.from_url(endpoints["redis_url"], encoding_errors="replace", decode_responses=True) as client:
        return {f"cache {key}": f"{key} {_value(client, key)}" for key in client.scan_iter(count=1_000)}


def _value(client: Any, key: str) -> str:
    kind = client.type(key)
    read = {
        "string": client.get,
        "hash": client.hgetall,
        "set": client.smembers,
        "list": lambda name: client.lrange(name, 0, -1),
        "zset": lambda name: client.zrange(name, 0, -1),
        "stream": client.xrange,
        "none": lambda name: None,  # it has expired meanwhile
    }
    return str(read[kind](key))


def logs(folder: Path) -> dict[str, str]:
    """The logs of the functions and of the local cloud."""
    files = [path for path in (folder / "logs").rglob("*") if path.is_file()]
    assert files
    return {f"log {path.name}": path.read_text(errors="replace") for path in files}
