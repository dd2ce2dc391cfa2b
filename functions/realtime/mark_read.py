"""`markRead`."""

from __future__ import annotations

from typing import Any

from conversations import receipts
from kernel.caller import Caller
from kernel.websocket import action
from messages.schemas import ReadState
from realtime.schemas import MarkRead


@action("markRead", MarkRead, returns=ReadState)
def handler(caller: Caller, frame: MarkRead) -> Any:
    """Move the read marker forward."""
    return receipts.mark_read(caller=caller, conversation_id=frame.conversation_id, seq=frame.seq)
