"""What is left of a deleted message after its tombstone: who reacted to it. Hidden at once, removed by the queue."""

from __future__ import annotations

import messages.events  # noqa: F401 - where its job goes
from kernel import telemetry
from log.model import Event
from messages import reactions_store
from realtime import api as realtime

JOB = "erase_reactions"


def erase_later(message: Event) -> None:
    """Have the reactions to a deleted message removed. Never raises: nobody sees them any more as it is."""
    if not message.reactions:
        return
    job = {"kind": JOB, "conversation_id": message.conversation_id, "seq": message.seq}
    try:
        realtime.enqueue([job])
    except Exception as error:
        telemetry.logger().error("reactions not erased", exc_info=error, extra=job)


def erase(*, conversation_id: str, seq: int) -> None:
    """The queue's part; twice is fine."""
    telemetry.count("ReactionsErased", reactions_store.erase(conversation_id, seq))
