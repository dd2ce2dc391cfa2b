"""Drafts in DynamoDB: one item per person and conversation."""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import UnicodeAttribute

from kernel import clock, parallel
from kernel.dynamo import Record
from kernel.records import IntegerAttribute, Mapper
from messages.model import Draft

KEEP_CLEARED_MS = 30 * clock.DAY  # for devices that come back with an older draft


class DraftRecord(Record, table="drafts"):
    user_id = UnicodeAttribute(hash_key=True)
    conversation_id = UnicodeAttribute(range_key=True)
    text = UnicodeAttribute(null=True)
    reply_to = UnicodeAttribute(null=True)
    thread_root = UnicodeAttribute(null=True)
    written_at = IntegerAttribute()
    expires_at = IntegerAttribute(null=True)  # seconds: DynamoDB's TTL


_DRAFT = Mapper(DraftRecord, Draft)


def find(user_id: str, conversation_id: str) -> Draft | None:
    return _DRAFT.found(DraftRecord.find(user_id, conversation_id))


def of(user_id: str) -> list[Draft]:
    """All drafts of a person."""
    rows = DraftRecord.query(user_id, filter_condition=DraftRecord.text.exists(), consistent_read=True)
    return _DRAFT.values(rows)


def keep(user_id: str, draft: Draft) -> bool:
    """Store a draft unless there is a later one; returns whether it was stored."""
    cleared = draft.text is None
    expires_at = (draft.written_at + KEEP_CLEARED_MS) // clock.SECOND if cleared else None
    later = DraftRecord.written_at
    record = _DRAFT.record(draft, user_id, expires_at=expires_at)
    return record.save_if(later.does_not_exist() | (later <= draft.written_at))


def forget(conversation_id: str, user_ids: Iterable[str], *, before: int) -> None:
    """Delete these people's drafts of a conversation that were written up to `before` (ms)."""
    written = DraftRecord.written_at <= before
    parallel.mapped(lambda user_id: DraftRecord(user_id, conversation_id).delete_if(written), user_ids)


def erase(conversation_id: str, user_ids: Iterable[str]) -> None:
    """Erase the drafts of these people in a conversation."""
    DraftRecord.delete_all(DraftRecord(user_id, conversation_id) for user_id in dict.fromkeys(user_ids))
