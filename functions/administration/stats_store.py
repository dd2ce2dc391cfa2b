"""Scans of other domains' tables for the statistics, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kernel.config import config
from kernel.dynamo import connection


def rows(table: str, names: tuple[str, ...], *, kind: tuple[str, str] | None = None) -> Iterator[dict[str, Any] | None]:
    """The named attributes, as strings, of every row; `kind` (attribute, value) selects rows. None ends each page."""
    aliases = {f"#n{number}": name for number, name in enumerate(names)}
    request: dict[str, Any] = {"TableName": config().table(table), "ProjectionExpression": ", ".join(aliases)}
    if kind is not None:
        aliases["#kind"] = kind[0]
        request |= {
            "FilterExpression": "#kind = :kind",
            "ExpressionAttributeValues": {":kind": {"S": kind[1]}},
        }
    request["ExpressionAttributeNames"] = aliases
    while True:
        answer = connection().dispatch("Scan", request)
        for item in answer["Items"]:
            yield {name: next(iter(value.values())) for name, value in item.items()}
        yield None
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
