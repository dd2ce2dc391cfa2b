"""The function that statemachines/poll_closing.asl.json calls when a poll's time is over."""

from __future__ import annotations

from typing import Any

from kernel import telemetry
from polls import closing


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{poll_id}` → `{done, closes_at}`; not done: ask again at `closes_at`. May be repeated."""
    with telemetry.call("polls.close", context) as line:
        answer = closing.when_due(event["poll_id"])
        line.fields["done"] = answer["done"]
        return answer
