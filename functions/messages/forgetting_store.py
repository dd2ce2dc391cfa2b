"""What an erased person leaves in messages and reactions, found by who made them.

Rows are found by reading whole tables, a page at a time: who has left a conversation stands in no index of it, and
an index for something that happens once in a life would cost a write with each message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kernel import clock
from kernel.dynamo import Transaction
from log import api as log
from log.api import EventRecord
from messages import contents, expiry_store, history_store, message_store, reactions_store
from messages.reactions_store import ReactionRecord

PAGE = 1_000


def erase_message(conversation_id: str, seq: int) -> bool:
    """Leave nothing of a message but its seq; False if nothing was there. Twice is fine."""
    message = log.events_at([(conversation_id, seq)]).get((conversation_id, seq))
    if message is None or not message.is_message:
        return False
    reactions_store.erase(conversation_id, seq)
    history_store.forget_earlier(conversation_id, seq)
    held = None if message.deleted_at is not None else contents.held_by(message)
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
    """The ids of this person's messages in a conversation that are not deleted yet, the oldest first."""
    for _, seq in expiry_store.every_message(conversation_id):
        message = log.events_at([(conversation_id, seq)]).get((conversation_id, seq))
        if message is not None and message.actor_id == user_id and message.deleted_at is None:
            yield str(message.data["id"])


def remove_reactions(user_id: str, cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """Take back this person's reactions in the next page of all reactions; where to go on."""
    mine = ReactionRecord.entry.contains(f"#{user_id}")
    rows = ReactionRecord.scan(mine, page_size=PAGE, last_evaluated_key=cursor)
    for item in next(rows.page_iter)["Items"]:
        _take_back(ReactionRecord.from_raw_data(item), user_id)
    return rows.last_evaluated_key


def _take_back(row: ReactionRecord, user_id: str) -> None:
    emoji, _, reactor = row.entry.rpartition("#")
    conversation_id, _, seq = row.message.rpartition("#")
    if reactor != user_id:
        return
    message = log.events_at([(conversation_id, int(seq))]).get((conversation_id, int(seq)))
    if message is None or message.deleted_at is not None or message.reactions.get(emoji, 0) < 1:
        row.delete()
        return
    transaction = Transaction()
    transaction.delete("reaction", row)
    left = message.reactions[emoji] - 1
    message_store.stage_count(transaction, message, message.changed_seq or message.seq, emoji, left)
    transaction.commit()
