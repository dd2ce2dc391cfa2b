"""The baseline of cold starts: boto3 as installed, a DynamoDB client, and one GetItem."""

import os
from typing import Any

import boto3

_dynamodb = boto3.client("dynamodb")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Read one item that does not exist."""
    key = {"id": {"S": "nobody"}}
    _dynamodb.get_item(TableName=f"{os.environ['STACK_NAME']}-{event['table']}", Key=key)
    return {"statusCode": 200}
