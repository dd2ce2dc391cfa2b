"""`$connect`: register the socket, unless its ticket was not good or its session has ended since it was made."""

from __future__ import annotations

from typing import Any

from accounts import session_api as accounts
from kernel import telemetry
from kernel.websocket import caller_of, is_frame, is_identified, unknown_action
from presence import api as presence
from realtime import service


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if is_frame(event):
        return unknown_action(event, context)
    with telemetry.call("socket.connect", context) as line:
        if not is_identified(event):
            line.fields["status"] = 401
            return {"statusCode": 401}
        caller = caller_of(event)
        line.fields |= {"user_id": caller.user_id, "connection_id": caller.connection_id}
        # registered before the check: a revocation finds the socket, or the check finds the revocation
        before = service.open_connection(caller)
        if not accounts.is_live_by_table(caller.user_id, caller.session_id):
            service.close_connection(caller)
            line.fields["status"] = 401
            return {"statusCode": 401}
        line.count("Connected")
        presence.socket_opened(caller.user_id, before)
        return {"statusCode": 200}
