"""Scheduled messages: requests and answers."""

from typing import Literal

from kernel.schema import Instant, InstantIn, Output
from messages.schemas import MessageFields


class NewScheduled(MessageFields):
    """The fields of a message, and when to send it."""

    send_at: InstantIn


class Scheduled(Output):
    """`reason` is the code of the problem that kept a failed one from being sent."""

    id: str
    conversation_id: str
    send_at: Instant
    state: Literal["pending", "failed"]
    reason: str | None
    client_id: str
    type: Literal["text", "file", "encrypted"]
    text: str | None
    created_at: Instant


class ScheduledList(Output):
    items: list[Scheduled]
    next_cursor: str | None
