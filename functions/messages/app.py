"""Routes of messages (contract §5)."""

from __future__ import annotations

from typing import Any

from accounts.sessions import authenticate
from conversations.schemas import Message
from kernel.caller import Caller
from kernel.http import Answer, App
from kernel.limiter import Limit
from messages import service, typing_notice
from messages.schemas import (
    Edit,
    MessageFields,
    MessageList,
    MessageQuery,
    ReadMarker,
    ReadState,
    ReceiptList,
    Typing,
)

app = App("messages", authenticate=authenticate)
SEND = Limit("send", requests=1200, window_s=60)


@app.post(
    "/conversations/{conversation_id}/messages",
    body=MessageFields,
    returns=Message,
    status=201,
    other_statuses=[200],
    errors=["blocked"],
    limits=[SEND],
)
def send_message(caller: Caller, conversation_id: str, body: MessageFields) -> Answer:
    """Append a message to the conversation's log; a repeated client_id returns the first one with 200."""
    message, new = service.send(caller=caller, conversation_id=conversation_id, message=body.message())
    return Answer(message, status=201 if new else 200)


@app.get("/conversations/{conversation_id}/messages", query=MessageQuery, returns=MessageList)
def list_messages(caller: Caller, conversation_id: str, query: MessageQuery) -> Any:
    """Messages by seq: newest first (`before`) or oldest first (`after`), edits and deletions applied."""
    return service.listing(
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


@app.put("/conversations/{conversation_id}/messages/{message_id}/reactions/{emoji}", status=204, limits=[SEND])
def add_reaction(caller: Caller, conversation_id: str, message_id: str, emoji: str) -> None:
    """React to a message."""
    service.react(caller=caller, conversation_id=conversation_id, message_id=message_id, emoji=emoji, added=True)


@app.delete("/conversations/{conversation_id}/messages/{message_id}/reactions/{emoji}", status=204, limits=[SEND])
def remove_reaction(caller: Caller, conversation_id: str, message_id: str, emoji: str) -> None:
    """Take a reaction back."""
    service.react(caller=caller, conversation_id=conversation_id, message_id=message_id, emoji=emoji, added=False)


@app.post("/conversations/{conversation_id}/read", body=ReadMarker, returns=ReadState)
def mark_read(caller: Caller, conversation_id: str, body: ReadMarker) -> Any:
    """Move the read marker forward; it never moves back."""
    return service.mark_read(caller=caller, conversation_id=conversation_id, seq=body.seq)


@app.get("/conversations/{conversation_id}/receipts", returns=ReceiptList)
def list_receipts(caller: Caller, conversation_id: str) -> Any:
    """How far each member has received and read."""
    return service.receipts(caller=caller, conversation_id=conversation_id)


@app.post("/conversations/{conversation_id}/typing", body=Typing, status=204)
def set_typing(caller: Caller, conversation_id: str, body: Typing) -> None:
    """Show the others that one is typing; it ends by itself after 3 s."""
    typing_notice.typing(caller=caller, conversation_id=conversation_id, is_typing=body.typing)
