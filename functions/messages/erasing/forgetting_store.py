"""The rows of a person's messages that an erasure reads and changes."""

from __future__ import annotations

from collections.abc import Iterator

from kernel import clock
from kernel.transactions import Transaction
from log import api as log
from log.api import EventRecord
from messages import contents, message_store
from messages.changes import history_store, reactions_store
from messages.erasing import expiry_store


def erase_message(conversation_id: str, seq: int) -> bool:
    """Erase everything of a message except its seq; False if there is none. Idempotent."""
    message = log.event_at(conversation_id, seq)
    if message is None or not message.is_message:
        return False
    reactions_store.erase(conversation_id, seq)
    history_store.forget_earlier(conversation_id, seq)
    held = None if message.deleted_at is not None else contents.content_of(message)
    transaction = Transaction()
    actions = message_store.to_tombstone(message, message.deleted_at or clock.now())
    actions[1] = EventRecord.data.set({**message.tombstone(0).data, "client_id": "erased"})
    actions.append(EventRecord.sent_as.remove())
    transaction.update("message", EventRecord(conversation_id, seq), actions, EventRecord.seq.exists())
    following = () if held is None else held.stage_deletion(transaction, message)
    transaction.commit()
    for each in following:
        each.complete()
    return True


def own_messages(user_id: str, conversation_id: str) -> Iterator[str]:
    """The ids of a person's messages in a conversation that are not deleted, the oldest first."""
    for _, seq in expiry_store.every_message(conversation_id):
        message = log.event_at(conversation_id, seq)
        if message is not None and message.actor_id == user_id and message.deleted_at is None:
            yield str(message.data["id"])
