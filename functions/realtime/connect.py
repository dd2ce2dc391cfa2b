"""`$connect`: register the socket, unless its session has ended since the ticket was made."""

from __future__ import annotations

from typing import Any

from accounts import sessions
from kernel import telemetry
from kernel.errors import Unauthenticated
from kernel.websocket import caller_of
from realtime import service


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    with telemetry.call("socket.connect", context) as line:
        caller = caller_of(event)
        line.fields |= {"user_id": caller.user_id, "connection_id": caller.connection_id}
        # registered before the check: a revocation finds the socket, or the check finds the revocation
        service.open_connection(caller)
        try:
            sessions.require_live(caller)
        except Unauthenticated as problem:
            service.close_connection(caller)
            line.fields |= {"status": problem.status, "code": problem.stable_code}
            return {"statusCode": problem.status}
        line.count("Connected")
        return {"statusCode": 200}
