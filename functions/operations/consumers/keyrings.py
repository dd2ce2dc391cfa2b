"""Creates the deployment's keyrings and rotates them.

CloudFormation calls it when the stack is created or changed: one custom resource is for the keyrings, another for the
key that CloudFront sends to the API. A schedule calls it once a day to rotate keyrings that are due, and an operator
with `{"rotate": ["tokens"]}` (docs/runbooks/keys.md).
"""

from __future__ import annotations

import json
from typing import Any

from kernel import keyrings, telemetry

ANSWER_TIMEOUT_S = 5.0
EDGE_KEY = "Custom::EdgeKey"


def handler(event: dict[str, Any], context: Any) -> dict[str, list[str]]:
    """An event of CloudFormation, a schedule or an operator → the keyrings `made` and `rotated`. Idempotent."""
    with telemetry.call("keyrings", context) as line:
        if "ResponseURL" in event:
            done = {"made": _make_for_stack(event), "rotated": []}
        elif "rotate" in event:
            done = {"made": [], "rotated": _rotate(event["rotate"])}
        else:
            done = {"made": [], "rotated": keyrings.rotate_due()}
        line.fields.update(done)
        return done


def _rotate(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in keyrings.RINGS]
    if unknown:
        raise ValueError(f"there are no keyrings {', '.join(unknown)}; there are {', '.join(keyrings.RINGS)}")
    for name in names:
        keyrings.rotate(keyrings.RINGS[name])
    return names


def _make_for_stack(event: dict[str, Any]) -> list[str]:
    """Create missing keyrings and respond to CloudFormation, which would otherwise wait an hour.

    Deleting a stack needs no work here: the keyrings are kept or deleted with their table.
    """
    made: list[str] = []
    data: dict[str, str] = {}
    try:
        if event["RequestType"] != "Delete":
            made = keyrings.create_missing()
            if event["ResourceType"] == EDGE_KEY:
                data = {"Key": keyrings.edge.seeds()[0].value.decode()}
    except Exception as error:
        _answer(event, "FAILED", f"{type(error).__name__}: see the log of this function")
        raise
    _answer(event, "SUCCESS", "", data)
    return made


def _answer(event: dict[str, Any], status: str, reason: str, data: dict[str, str] | None = None) -> None:
    """Respond at the URL in the event (CloudFormation, "Custom resource response objects"); `NoEcho` masks the data."""
    import urllib3

    answer = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId", event["LogicalResourceId"]),
        "Data": data or {},
        "NoEcho": True,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    sent = urllib3.PoolManager().request(
        "PUT",
        event["ResponseURL"],
        body=json.dumps(answer).encode(),
        headers={"Content-Type": ""},  # the URL is signed without a content type
        timeout=ANSWER_TIMEOUT_S,
        retries=3,
    )
    if sent.status >= 300:
        raise RuntimeError(f"CloudFormation refused the answer with status {sent.status}")
