"""The log as upkeep needs it: what has expired and is still stored, and every message there is."""

from __future__ import annotations

from collections.abc import Iterator

from pynamodb.exceptions import UpdateError

from conversations import log
from conversations.log import EventRecord, ReactionRecord
from conversations.model import MESSAGE_CREATED, Entry
from kernel import clock
from kernel.dynamo import condition_failed

SHARDS = range(log.EXPIRY_SHARDS)


def expired(shard: int, *, limit: int) -> list[Entry]:
    """Messages of a shard that have expired and are still stored, the longest due first."""
    due = EventRecord.by_expiry.query(shard, EventRecord.disappears_at <= clock.now(), limit=limit)
    found = log.at((row.conversation_id, int(row.seq)) for row in due)
    return sorted(found.values(), key=lambda entry: entry.expires_at or 0)


def erase(message: Entry) -> bool:
    """Leave nothing but the tombstone of an expired message, and no reaction to it; False if that was done already."""
    for row in ReactionRecord.query(log.message_key(message.conversation_id, message.seq), consistent_read=True):
        row.delete()
    actions = log.to_tombstone(message, message.deleted_at or clock.now())
    try:
        EventRecord(message.conversation_id, message.seq).update(actions, EventRecord.expiry_shard.exists())
    except UpdateError as error:
        if condition_failed(error):
            return False
        raise
    return True


def every_message(conversation_id: str | None = None, *, since: int = 0) -> Iterator[tuple[str, int]]:
    """The (conversation, seq) of all messages, or of one conversation's, sent since then (ms): reads them all."""
    wanted = (EventRecord.type == MESSAGE_CREATED) & (EventRecord.at >= since)
    names = ["conversation_id", "seq"]
    rows = (
        EventRecord.scan(wanted, attributes_to_get=names)
        if conversation_id is None
        else EventRecord.query(conversation_id, filter_condition=wanted, attributes_to_get=names)
    )
    for row in rows:
        yield row.conversation_id, int(row.seq)
