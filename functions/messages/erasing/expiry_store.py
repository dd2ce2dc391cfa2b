"""Expired messages whose content is still stored, and scans of all messages."""

from __future__ import annotations

from collections.abc import Iterator

from kernel import clock
from kernel.transactions import Cancelled, Transaction
from log import api as log
from log.api import EventRecord
from log.model import MESSAGE_CREATED, Event
from messages import message_store
from messages.changes import history_store, reactions_store

SHARDS = range(log.EXPIRY_SHARDS)


def expired(shard: int, *, limit: int) -> list[Event]:
    """Expired messages of a shard whose content is still stored, the oldest expiry first."""
    due = EventRecord.by_expiry.query(shard, EventRecord.disappears_at <= clock.now(), limit=limit)
    return list(log.events_at((row.conversation_id, row.seq) for row in due).values())


def erase(message: Event) -> bool:
    """Reduce an expired message to its tombstone, without reactions, earlier texts and its count in a thread.

    Returns False if that was done before.
    """
    reactions_store.erase(message.conversation_id, message.seq)
    history_store.forget_earlier(message.conversation_id, message.seq)
    transaction = Transaction()
    record = EventRecord(message.conversation_id, message.seq)
    actions = message_store.to_tombstone(message, message.expires_at or clock.now())
    transaction.update("message", record, actions, EventRecord.expiry_shard.exists())
    message_store.stage_out_of_thread(transaction, message)
    try:
        transaction.commit()
    except Cancelled as refused:
        if "message" in refused.failed:
            return False
        raise
    return True


def every_message(conversation_id: str | None = None, *, since: int = 0) -> Iterator[tuple[str, int]]:
    """The (conversation, seq) of all messages, or of one conversation's, sent since then (ms), by a full scan."""
    wanted = (EventRecord.type == MESSAGE_CREATED) & (EventRecord.at >= since)
    names = ["conversation_id", "seq"]
    rows = (
        EventRecord.scan(wanted, attributes_to_get=names)
        if conversation_id is None
        else EventRecord.query(conversation_id, filter_condition=wanted, attributes_to_get=names)
    )
    for row in rows:
        yield row.conversation_id, row.seq
