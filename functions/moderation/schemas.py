"""Request and response bodies of moderation."""

from typing import Annotated, Literal

from pydantic import Field

from kernel.schema import Body, Input, Instant, Output, Paging
from moderation.model import Decision as DecidedState
from moderation.model import ReportState
from users.schemas import PublicProfile


class NewReport(Input):
    reason: Annotated[Body, Field(min_length=1, max_length=500)]


class ReportReceipt(Output):
    """A report as its reporter sees it."""

    id: str
    conversation_id: str
    message_id: str
    reason: str
    state: ReportState
    reported_at: Instant


class ReportedMessage(Output):
    """A message as its reporter saw it."""

    id: str
    sender_id: str
    type: str
    text: str | None
    ciphertext: str | None
    created_at: Instant
    edited_at: Instant | None


class ReportOut(Output):
    """A report as admins see it.

    `message` is null once the report is resolved or dismissed; `reporter` is null for the group's policy and for
    erased accounts.
    """

    id: str
    conversation_id: str
    message_id: str
    sender_id: str
    reporter: PublicProfile | None
    reason: str
    state: ReportState
    reported_at: Instant
    message: ReportedMessage | None
    decided_by: str | None
    decided_at: Instant | None


class ReportList(Output):
    items: list[ReportOut]
    next_cursor: str | None


class ReportQuery(Paging):
    state: Literal["open", "decided"] = "open"


class Decision(Input):
    """`delete_message` also deletes the message; it is allowed with `resolved` only."""

    state: DecidedState
    delete_message: bool = False
