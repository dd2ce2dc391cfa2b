"""`$disconnect`: remove the socket's entry. This event may never arrive; then the entry expires (R11)."""

from __future__ import annotations

from typing import Any

from kernel import telemetry
from kernel.websocket import caller_of, is_frame, is_identified, unknown_action
from presence import api as presence
from realtime import service


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if is_frame(event):
        return unknown_action(event, context)
    with telemetry.call("socket.disconnect", context) as line:
        if not is_identified(event):  # refused by `$connect`
            return {"statusCode": 200}
        caller = caller_of(event)
        presence.socket_closed(caller.user_id, service.close_connection(caller))
        line.count("Disconnected")
        return {"statusCode": 200}
