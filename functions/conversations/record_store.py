"""The records of conversations and members, and what they are as values."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, cast

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from conversations.model import ConversationInfo, Member, Notifications, Role, Settings
from kernel.dynamo import Record, TableName

INFO, LOCK = "profile", "lock"
_SETTINGS = {field.name for field in fields(Settings)}


class ConversationRecord(Record):
    """A part of a conversation: its info, a ban, or the lock that keeps a direct one unique per pair."""

    class Meta:
        table_name = TableName("conversations")

    conversation_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    # info
    kind = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    description = UnicodeAttribute(null=True)
    settings = JSONAttribute(null=True)
    created_at = NumberAttribute(null=True)
    created_by = UnicodeAttribute(null=True)
    member_count = NumberAttribute(null=True)
    member_ids = JSONAttribute(null=True, attr_name="roster")
    blocked_by = UnicodeSetAttribute(null=True)
    deleted_at = NumberAttribute(null=True)
    version = NumberAttribute(null=True)
    # lock
    target = UnicodeAttribute(null=True)


class _ByUser(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_user"
        projection = KeysOnlyProjection()

    user_id = UnicodeAttribute(hash_key=True)
    conversation_id = UnicodeAttribute(range_key=True)


class MemberRecord(Record):
    class Meta:
        table_name = TableName("members")

    conversation_id = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute(range_key=True)
    role = UnicodeAttribute()
    joined_at = NumberAttribute()
    visible_from = NumberAttribute()
    read_seq = NumberAttribute(default=0)
    delivered_seq = NumberAttribute(default=0)
    muted_until = NumberAttribute(null=True)
    pinned = BooleanAttribute(default=False)
    archived = BooleanAttribute(default=False)
    notifications = UnicodeAttribute(default="all")
    archived_seq = NumberAttribute(default=0)
    last_sent_at = NumberAttribute(null=True)
    promoted_by = UnicodeAttribute(null=True)
    by_user = _ByUser()


def info_of(record: ConversationRecord) -> ConversationInfo:
    return ConversationInfo(
        conversation_id=record.conversation_id,
        kind="direct" if record.kind == "direct" else "group",
        name=record.name,
        description=record.description,
        # what a later version has put there is none of this one's business
        settings=Settings(**{name: value for name, value in record.settings.items() if name in _SETTINGS}),
        created_at=int(record.created_at),
        created_by=record.created_by,
        member_count=int(record.member_count),
        member_ids=None if record.member_ids is None else tuple(record.member_ids),
        blocked_by=frozenset(record.blocked_by or ()),
        deleted_at=None if record.deleted_at is None else int(record.deleted_at),
        version=int(record.version or 0),
    )


def member_of(record: MemberRecord) -> Member:
    return Member(
        conversation_id=record.conversation_id,
        user_id=record.user_id,
        role=cast(Role, record.role),
        joined_at=int(record.joined_at),
        visible_from=int(record.visible_from),
        read_seq=int(record.read_seq),
        delivered_seq=int(record.delivered_seq),
        muted_until=None if record.muted_until is None else int(record.muted_until),
        pinned=record.pinned,
        archived=record.archived,
        notifications=cast(Notifications, record.notifications),
        archived_seq=int(record.archived_seq),
        last_sent_at=None if record.last_sent_at is None else int(record.last_sent_at),
        promoted_by=record.promoted_by,
    )


def member_record(member: Member) -> MemberRecord:
    return MemberRecord(**asdict(member))


def info_record(info: ConversationInfo) -> ConversationRecord:
    return ConversationRecord(
        info.conversation_id,
        INFO,
        kind=info.kind,
        name=info.name,
        description=info.description,
        settings=asdict(info.settings),
        created_at=info.created_at,
        created_by=info.created_by,
        member_count=info.member_count,
        member_ids=None if info.member_ids is None else list(info.member_ids),
        blocked_by=set(info.blocked_by) or None,
        deleted_at=info.deleted_at,
    )
