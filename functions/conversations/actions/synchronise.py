"""`sync`."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - the contents of messages and the events of all domains
from calls import api as calls
from conversations import sync
from conversations.schemas import Sync, SyncAnswer
from kernel.caller import Caller
from kernel.websocket import action


@action("sync", Sync, returns=SyncAnswer)
def handler(caller: Caller, frame: Sync) -> Any:
    """The missed events, as many as fit a socket message; `more` if there are further ones."""
    missed = sync.missed(caller=caller, cursors=frame.cursors, max_bytes=sync.MAX_SOCKET_ANSWER_BYTES)
    return missed.with_calls(calls.live(missed.live_calls))
