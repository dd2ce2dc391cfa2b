"""The tables of infra/data.yaml as arguments of `create_table`, for a fake DynamoDB."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from perf.template import ROOT, load

_KEPT = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


@lru_cache(maxsize=1)
def _described() -> tuple[dict[str, Any], ...]:
    resources = load(ROOT / "infra" / "data.yaml")["Resources"].values()
    return tuple(each["Properties"] for each in resources if each["Type"] == "AWS::DynamoDB::Table")


def definitions(prefix: str) -> list[dict[str, Any]]:
    """The arguments of `create_table` for every table of a stack called `prefix`."""
    return [
        {
            "TableName": each["TableName"]["Sub"].replace("${Prefix}", prefix),
            **{name: each[name] for name in _KEPT if name in each},
        }
        for each in _described()
    ]


def create_all(dynamodb: Any, prefix: str) -> None:
    """Create the tables with a botocore or boto3 client of DynamoDB."""
    for definition in definitions(prefix):
        dynamodb.create_table(**definition)
