"""`ping`: keeps the socket open; the pong names conversations with new events, and old sockets are to reconnect."""

from __future__ import annotations

from typing import Any

import messages.events  # noqa: F401 - the port that notes deliveries
from conversations import sync
from conversations.ping_frame import Ping
from kernel import clock, websocket
from kernel.caller import Caller
from kernel.websocket import action
from realtime import api as realtime

RECONNECT_AFTER_MS = 105 * clock.MINUTE  # API Gateway ends a socket after 2 h
RECONNECT_WINDOW_MS = 5 * clock.MINUTE


@action("ping", Ping)
def _pong(caller: Caller, frame: Ping) -> None:
    """Answered by an ack and a `pong` with `behind`: the last seq of each given conversation with newer events."""
    realtime.touch(caller)
    if "focus" in frame.model_fields_set:
        realtime.focus(caller, frame.focus)
    behind = sync.behind(caller=caller, cursors=frame.cursors) if frame.cursors else {}
    realtime.send_to(caller, "pong", {"behind": behind})


def handler(event: websocket.Event, context: Any) -> dict[str, Any]:
    answer = _pong(event, context)
    opened_at = int(event["requestContext"].get("connectedAt", clock.now()))
    if clock.now() - opened_at > RECONNECT_AFTER_MS:
        # the client picks a random time within the window (R15)
        realtime.send_to(websocket.caller_of(event), "reconnect", {"after_ms": RECONNECT_WINDOW_MS})
    return answer
