"""`aiCancel`."""

from __future__ import annotations

from assistant import requests
from assistant.light_frames import CancelRequest
from kernel.caller import Caller
from kernel.websocket import action


@action("aiCancel", CancelRequest)
def handler(caller: Caller, frame: CancelRequest) -> None:
    """Cancel a streamed answer of AI help, unless it has ended."""
    requests.cancel(caller.user_id, frame.request_id)
