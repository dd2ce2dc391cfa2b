"""The connect authorizer: redeems the ticket of the query string; its context identifies the sender of every frame."""

from __future__ import annotations

from typing import Any

from kernel import origin, telemetry
from realtime import service


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A policy with the identity; without one if the ticket is not good, and `$connect` then answers 401.

    An authorizer itself can say 401 only by failing, which Lambda counts as an error: whoever opens sockets with bad
    tickets would raise alarms, and take deployments back (aws-apigateway-lambda-authorizer-blueprints 21).
    """
    with telemetry.call("socket.authorize", context) as line:
        ticket = (event.get("queryStringParameters") or {}).get("ticket") or ""
        owner = service.redeem_ticket(ticket)  # burned also if a page elsewhere shows it
        if not origin.may_open_sockets(_page(event)):
            owner = None
        line.fields["status"] = 401 if owner is None else 200
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
    return {
        "principalId": owner.user_id if owner else "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"user_id": owner.user_id, "session_id": owner.session_id} if owner else {},
    }


def _page(event: dict[str, Any]) -> str | None:
    """The Origin of the page that opens the socket, None where none is named: browsers always do (RFC 6455, 10.2)."""
    headers = event.get("headers") or {}
    return next((value for name, value in headers.items() if name.lower() == "origin"), None)
