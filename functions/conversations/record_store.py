"""The records of conversations and members, and their mapping to values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    UnicodeAttribute,
)

from conversations.model import ConversationInfo, Member, Settings
from kernel.dynamo import Record
from kernel.records import IntegerAttribute, Mapper, NamesAttribute, ValueAttribute, index, known_fields

INFO, LOCK = "profile", "lock"


class ConversationRecord(Record, table="conversations", group="log"):
    """A part of a conversation: its info, a ban, or the lock that keeps a direct one unique per pair."""

    conversation_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    # info
    kind = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    description = UnicodeAttribute(null=True)
    settings = ValueAttribute(known_fields(Settings), null=True)
    created_at = IntegerAttribute(null=True)
    created_by = UnicodeAttribute(null=True)
    member_count = IntegerAttribute(null=True)
    member_ids = ValueAttribute(tuple, list, null=True, attr_name="roster")
    blocked_by = NamesAttribute()
    deleted_at = IntegerAttribute(null=True)
    version = IntegerAttribute(null=True)
    # lock
    target = UnicodeAttribute(null=True)


class MemberRecord(Record, table="members", group="log"):
    conversation_id = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute(range_key=True)
    role = UnicodeAttribute()
    joined_at = IntegerAttribute()
    visible_from = IntegerAttribute()
    read_seq = IntegerAttribute(default=0)
    delivered_seq = IntegerAttribute(default=0)
    muted_until = IntegerAttribute(null=True)
    pinned = BooleanAttribute(default=False)
    archived = BooleanAttribute(default=False)
    notifications = UnicodeAttribute(default="all")
    archived_seq = IntegerAttribute(default=0)
    last_sent_at = IntegerAttribute(null=True)
    promoted_by = UnicodeAttribute(null=True)
    apart = NamesAttribute()
    by_user = index(user_id=UnicodeAttribute(hash_key=True), conversation_id=UnicodeAttribute(range_key=True))


_INFO = Mapper(ConversationRecord, ConversationInfo)
_MEMBER = Mapper(MemberRecord, Member)
info_of, member_of, member_record = _INFO.value, _MEMBER.value, _MEMBER.record


def info_record(info: ConversationInfo) -> ConversationRecord:
    """The record of a new conversation's info, which has no version before its first change."""
    return _INFO.record(info, part=INFO, version=None)


def erase_members(conversation_id: str, user_ids: Iterable[str]) -> None:
    """Delete the records of these members."""
    MemberRecord.delete_all(MemberRecord(conversation_id, user_id) for user_id in user_ids)


def erase_parts(conversation_id: str, _cursor: Any = None) -> None:
    """Delete a conversation's head, info, bans and pins."""
    ConversationRecord.delete_found(conversation_id)


def save_members(members: Sequence[Member]) -> None:
    """Put the members of a conversation that does not exist for anybody yet: 25 a round trip."""
    with MemberRecord.batch_write() as batch:
        for member in members:
            batch.save(member_record(member))
