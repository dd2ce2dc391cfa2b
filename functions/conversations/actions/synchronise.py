"""`sync`."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - what all domains put into messages and events
from calls import api as calls
from conversations import sync
from conversations.schemas import Sync, SyncAnswer
from kernel.caller import Caller
from kernel.websocket import action


@action("sync", Sync, returns=SyncAnswer)
def handler(caller: Caller, frame: Sync) -> Any:
    """What was missed, as much as fits a socket message; `more` tells that there is further."""
    missed = sync.missed(caller=caller, cursors=frame.cursors, max_bytes=sync.MAX_SOCKET_ANSWER_BYTES)
    return missed.with_calls(calls.live(missed.live_calls))
