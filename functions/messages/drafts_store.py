"""Drafts in DynamoDB: one item per person and conversation, which nobody else's path leads to."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError

from kernel import clock
from kernel.dynamo import Record, TableName, condition_failed
from messages.drafts_model import Draft

KEEP_CLEARED_MS = 30 * clock.DAY  # so long a device may come back with something older


class DraftRecord(Record):
    class Meta:
        table_name = TableName("drafts")

    user_id = UnicodeAttribute(hash_key=True)
    conversation_id = UnicodeAttribute(range_key=True)
    text = UnicodeAttribute(null=True)
    reply_to = UnicodeAttribute(null=True)
    thread_root = UnicodeAttribute(null=True)
    written_at = NumberAttribute()
    expires_at = NumberAttribute(null=True)  # seconds: DynamoDB's TTL


def find(user_id: str, conversation_id: str) -> Draft | None:
    record = DraftRecord.find(user_id, conversation_id)
    return None if record is None else _draft(record)


def of(user_id: str) -> list[Draft]:
    """Everything this person has written and not sent."""
    rows = DraftRecord.query(user_id, filter_condition=DraftRecord.text.exists(), consistent_read=True)
    return [_draft(row) for row in rows]


def keep(user_id: str, draft: Draft) -> bool:
    """Keep a draft unless a later one is there; whether it was kept."""
    cleared = draft.text is None
    record = DraftRecord(
        user_id,
        draft.conversation_id,
        text=draft.text,
        reply_to=draft.reply_to,
        thread_root=draft.thread_root,
        written_at=draft.written_at,
        expires_at=(draft.written_at + KEEP_CLEARED_MS) // clock.SECOND if cleared else None,
    )
    later = DraftRecord.written_at
    try:
        record.save(condition=later.does_not_exist() | (later <= draft.written_at))
    except PutError as error:
        if condition_failed(error):
            return False
        raise
    return True


def _draft(record: DraftRecord) -> Draft:
    return Draft(record.conversation_id, record.text, record.reply_to, record.thread_root, int(record.written_at))
