"""Messages: what only routes of lists, pins, drafts and receipts take and answer with."""

from pydantic import Field

from kernel.schema import Beyond, Count, Id, Input, Instant, InstantSince1970, Opaque, Output, Paging, Query
from messages.event_schemas import Receipt
from messages.schemas import Message, MessageText


class MessageQuery(Query):
    before: Beyond | None = None
    after: Beyond | None = None
    limit: int = Field(default=50, ge=1, le=100)
    cursor: Opaque | None = None


class MessageList(Output):
    items: list[Message]
    next_cursor: str | None


class PinnedMessage(Message):
    pinned_by: str
    pinned_at: Instant


class PinList(Output):
    items: list[PinnedMessage]
    next_cursor: str | None


class EarlierText(Output):
    """The text of a message from `written_at` until its next edit."""

    text: str
    written_at: Instant


class EditList(Output):
    items: list[EarlierText]
    next_cursor: str | None


class DraftIn(Input):
    """`written_at` is the time by the device's clock (default: now); of two drafts the later one stays."""

    text: MessageText
    reply_to: Id | None = None
    thread_root: Id | None = None
    written_at: InstantSince1970 | None = None


class DraftOut(Output):
    """`text` is null in the event of a draft that was cleared."""

    conversation_id: str
    text: str | None
    reply_to: str | None
    thread_root: str | None
    written_at: Instant


class DraftList(Output):
    items: list[DraftOut]
    next_cursor: str | None


class ReceiptCounts(Output):
    """How many members have received and read up to `seq`; `read` is null if the caller has read receipts off."""

    seq: int
    members: int
    delivered: int
    read: int | None


class ReceiptList(Output):
    """The receipts of all members (`counts` null); with more than 200 members only the caller's, and `counts`."""

    items: list[Receipt]
    next_cursor: str | None
    counts: ReceiptCounts | None


class ReceiptQuery(Paging):
    """`seq` for the counts; by default the last message's."""

    seq: Count | None = None
