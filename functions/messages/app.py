"""Routes of messages (contract §5)."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - what all domains put into messages and events
from accounts.api import authenticate
from kernel.answers import Answer
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from kernel.schema import Paging
from messages import service, typing_notice
from messages.changes import edits, pins, reactions, threads
from messages.light_frames import ReadMarker, ReadState, Typing
from messages.list_schemas import (
    DraftIn,
    DraftList,
    DraftOut,
    EditList,
    MessageList,
    MessageQuery,
    PinList,
    ReceiptList,
    ReceiptQuery,
)
from messages.reading import receipts
from messages.schemas import Edit, Message, MessageFields
from messages.unsent import drafts, scheduled
from messages.unsent.scheduled_schemas import NewScheduled, Scheduled, ScheduledList

app = App("messages", authenticate=authenticate)
SEND = Limit("send", requests=1200, window_s=60)
SCHEDULE = Limit("schedule", requests=120, window_s=60)


@app.post(
    "/conversations/{conversation_id}/messages",
    body=MessageFields,
    returns=Message,
    status=201,
    other_statuses=[200],
    errors=["blocked", "encrypted_conversation"],
    limits=[SEND],
    measured_as="SendDuration",
)
def send_message(caller: Caller, conversation_id: str, body: MessageFields) -> Answer:
    """Append a message to the conversation's log; a repeated client_id returns the first one with 200."""
    message, new = service.send(caller=caller, conversation_id=conversation_id, message=body.message())
    return Answer(message, status=201 if new else 200)


@app.get("/conversations/{conversation_id}/messages", query=MessageQuery, returns=MessageList)
def list_messages(caller: Caller, conversation_id: str, query: MessageQuery) -> Any:
    """Messages by seq: newest first (`before`) or oldest first (`after`), edits and deletions applied."""
    return service.list_messages(
        caller=caller,
        conversation_id=conversation_id,
        before=query.before,
        after=query.after,
        limit=query.limit,
        page=query.cursor,
    )


@app.get("/conversations/{conversation_id}/messages/{message_id}", returns=Message)
def get_message(caller: Caller, conversation_id: str, message_id: str) -> Any:
    """One message in its present state."""
    return service.get(caller=caller, conversation_id=conversation_id, message_id=message_id)


@app.patch(
    "/conversations/{conversation_id}/messages/{message_id}",
    body=Edit,
    returns=Message,
    errors=["edit_window_over"],
    limits=[SEND],
)
def edit_message(caller: Caller, conversation_id: str, message_id: str, body: Edit) -> Any:
    """Replace the text of one's own message, within 24 h."""
    return service.edit(caller=caller, conversation_id=conversation_id, message_id=message_id, text=body.text)


@app.delete("/conversations/{conversation_id}/messages/{message_id}", status=204, limits=[SEND])
def delete_message(caller: Caller, conversation_id: str, message_id: str) -> None:
    """Delete a message (its sender and admins): a tombstone keeps the seq."""
    service.delete(caller=caller, conversation_id=conversation_id, message_id=message_id)


@app.get("/conversations/{conversation_id}/messages/{message_id}/thread", query=Paging, returns=MessageList)
def list_thread(caller: Caller, conversation_id: str, message_id: str, query: Paging) -> Any:
    """The replies of a message's thread, oldest first."""
    return threads.list_replies(
        caller=caller, conversation_id=conversation_id, message_id=message_id, limit=query.limit, page=query.cursor
    )


@app.get("/conversations/{conversation_id}/messages/{message_id}/edits", query=Paging, returns=EditList)
def list_edits(caller: Caller, conversation_id: str, message_id: str, query: Paging) -> Any:
    """The earlier texts of a message, oldest first (its sender, owner and admins)."""
    return edits.list_versions(
        caller=caller, conversation_id=conversation_id, message_id=message_id, limit=query.limit, after=query.cursor
    )


@app.put(
    "/conversations/{conversation_id}/messages/{message_id}/reactions/{emoji}",
    status=204,
    errors=["too_many_reactions"],
    limits=[SEND],
)
def add_reaction(caller: Caller, conversation_id: str, message_id: str, emoji: str) -> None:
    """React to a message."""
    reactions.react(caller=caller, conversation_id=conversation_id, message_id=message_id, emoji=emoji, added=True)


@app.delete("/conversations/{conversation_id}/messages/{message_id}/reactions/{emoji}", status=204, limits=[SEND])
def remove_reaction(caller: Caller, conversation_id: str, message_id: str, emoji: str) -> None:
    """Remove a reaction."""
    reactions.react(caller=caller, conversation_id=conversation_id, message_id=message_id, emoji=emoji, added=False)


@app.get("/conversations/{conversation_id}/pins", query=Paging, returns=PinList)
def list_pins(caller: Caller, conversation_id: str, query: Paging) -> Any:
    """The pinned messages, the last pinned first."""
    return pins.list_pins(caller=caller, conversation_id=conversation_id, limit=query.limit, page=query.cursor)


@app.put("/conversations/{conversation_id}/pins/{message_id}", status=204, errors=["too_many_pins"], limits=[SEND])
def pin_message(caller: Caller, conversation_id: str, message_id: str) -> None:
    """Pin a message for all members (any member, or owner and admins, by `who_can_pin`)."""
    pins.pin(caller=caller, conversation_id=conversation_id, message_id=message_id)


@app.delete("/conversations/{conversation_id}/pins/{message_id}", status=204, limits=[SEND])
def unpin_message(caller: Caller, conversation_id: str, message_id: str) -> None:
    """Unpin a message."""
    pins.unpin(caller=caller, conversation_id=conversation_id, message_id=message_id)


@app.get("/drafts", query=Paging, returns=DraftList)
def list_drafts(caller: Caller, query: Paging) -> Any:
    """The caller's drafts in all conversations, the latest first."""
    return drafts.list_drafts(caller=caller, limit=query.limit, page=query.cursor)


@app.get("/conversations/{conversation_id}/draft", returns=DraftOut)
def get_draft(caller: Caller, conversation_id: str) -> Any:
    """The caller's draft in a conversation."""
    return drafts.get(caller=caller, conversation_id=conversation_id)


@app.put("/conversations/{conversation_id}/draft", body=DraftIn, returns=DraftOut, errors=["encrypted_conversation"])
def keep_draft(caller: Caller, conversation_id: str, body: DraftIn) -> Any:
    """Store a draft for all of one's devices; answers with the last written one, which stays."""
    return drafts.keep(caller=caller, conversation_id=conversation_id, **body.model_dump())


@app.delete("/conversations/{conversation_id}/draft", status=204)
def clear_draft(caller: Caller, conversation_id: str) -> None:
    """Clear the draft on all of one's devices."""
    drafts.clear(caller=caller, conversation_id=conversation_id)


@app.post("/conversations/{conversation_id}/read", body=ReadMarker, returns=ReadState)
def mark_read(caller: Caller, conversation_id: str, body: ReadMarker) -> Any:
    """Move the read marker forward; it never moves back."""
    return receipts.mark_read(caller=caller, conversation_id=conversation_id, seq=body.seq)


@app.get("/conversations/{conversation_id}/receipts", query=ReceiptQuery, returns=ReceiptList)
def list_receipts(caller: Caller, conversation_id: str, query: ReceiptQuery) -> Any:
    """The delivered and read markers of the members; with more than 200 members counts for a seq."""
    return receipts.list_receipts(
        caller=caller, conversation_id=conversation_id, seq=query.seq, limit=query.limit, page=query.cursor
    )


@app.post("/conversations/{conversation_id}/typing", body=Typing, status=204)
def set_typing(caller: Caller, conversation_id: str, body: Typing) -> None:
    """Show the other members that one is typing; it ends after 3 s."""
    typing_notice.typing(caller=caller, conversation_id=conversation_id, is_typing=body.typing)


@app.post(
    "/conversations/{conversation_id}/scheduled",
    body=NewScheduled,
    returns=Scheduled,
    status=201,
    other_statuses=[200],
    errors=["already_sent", "blocked", "too_many_scheduled"],
    limits=[SCHEDULE],
)
def schedule_message(caller: Caller, conversation_id: str, body: NewScheduled) -> Answer:
    """Schedule a message for `send_at`, at most a year ahead; a repeated client_id returns the first one with 200."""
    kept, new = scheduled.schedule(caller=caller, conversation_id=conversation_id, fields=body, send_at=body.send_at)
    return Answer(kept, status=201 if new else 200)


@app.get("/conversations/{conversation_id}/scheduled", query=Paging, returns=ScheduledList)
def list_scheduled(caller: Caller, conversation_id: str, query: Paging) -> Any:
    """The caller's scheduled messages, the next first, and failed ones with the reason."""
    return scheduled.list_scheduled(
        caller=caller, conversation_id=conversation_id, limit=query.limit, page=query.cursor
    )


@app.delete(
    "/conversations/{conversation_id}/scheduled/{scheduled_id}", status=204, errors=["being_sent"], limits=[SCHEDULE]
)
def cancel_scheduled(caller: Caller, conversation_id: str, scheduled_id: str) -> None:
    """Cancel a scheduled message before it is sent, or delete a failed one."""
    scheduled.cancel(caller=caller, conversation_id=conversation_id, scheduled_id=scheduled_id)
