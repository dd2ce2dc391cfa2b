"""The connect authorizer: burns the ticket of the query string; its context tells every later frame who sent it."""

from __future__ import annotations

from typing import Any

from kernel import telemetry
from realtime import service


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An allow policy with the identity, or the error `Unauthorized`, which API Gateway turns into a 401."""
    with telemetry.call("socket.authorize", context) as line:
        ticket = (event.get("queryStringParameters") or {}).get("ticket") or ""
        owner = service.redeem_ticket(ticket)
        line.fields["status"] = 401 if owner is None else 200
    if owner is None:
        raise PermissionError("Unauthorized")
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
    return {
        "principalId": owner.user_id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"user_id": owner.user_id, "session_id": owner.session_id},
    }
