"""`vote`."""

from __future__ import annotations

from typing import Any

from kernel.caller import Caller
from kernel.limiter import Limit
from kernel.websocket import action
from polls import service
from polls.schemas import PollOut
from polls.voting_schemas import VoteFrame


@action("vote", VoteFrame, returns=PollOut, limit=Limit("send", requests=1200, window_s=60))
def handler(caller: Caller, frame: VoteFrame) -> Any:
    """Vote in a poll, or replace one's vote; the ack carries the poll."""
    return service.vote(caller=caller, poll_id=frame.poll_id, option_ids=frame.option_ids)
