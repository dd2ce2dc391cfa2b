"""`markRead`."""

from __future__ import annotations

from typing import Any

from kernel.caller import Caller
from kernel.websocket import action
from messages.light_frames import MarkRead, ReadState
from messages.reading import receipts


@action("markRead", MarkRead, returns=ReadState)
def handler(caller: Caller, frame: MarkRead) -> Any:
    """Move the read marker forward."""
    return receipts.mark_read(caller=caller, conversation_id=frame.conversation_id, seq=frame.seq)
