"""Figures from the functions' log lines. They are only printed; no test depends on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import botocore.session


def append_retries(endpoints: Mapping[str, str], *, since_ms: int) -> list[int]:
    """The retries of each append to a log since an instant, smallest first."""
    session = botocore.session.Session()
    session.set_credentials("test", "test")
    client: Any = session.create_client(
        "logs", region_name=endpoints["region"], endpoint_url=endpoints["aws_endpoint_url"]
    )
    found: list[int] = []
    for group in client.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{endpoints['stack']}")["logGroups"]:
        if "Message" not in group["logGroupName"]:
            continue
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"], startTime=since_ms
        )
        for page in pages:
            for event in page["events"]:
                found += _retries(event["message"])
    return sorted(found)


def _retries(line: str) -> list[int]:
    if "AppendRetries" not in line:
        return []
    counted = json.loads(line[line.index("{") :])["AppendRetries"]
    return [int(each) for each in (counted if isinstance(counted, list) else [counted])]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the (sorted) values does not exceed; 0 without values."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0
