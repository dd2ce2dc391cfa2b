"""Bans in DynamoDB, and the records that decide whether somebody may join a group by an invitation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conversations import record_store, store
from conversations.model import Member, MemberContext
from conversations.record_store import INFO, ConversationRecord, MemberRecord
from kernel.errors import NotFound
from kernel.reads import read_together
from kernel.records import Mapper
from kernel.transactions import Transaction
from log import api as log

_BAN = "ban#"


@dataclass(frozen=True, slots=True)
class Ban:
    """A person who was removed from a group and cannot come back by a link; `banned_at` in ms."""

    user_id: str
    banned_by: str
    banned_at: int


_BANNED = Mapper(
    ConversationRecord,
    Ban,
    renamed={"banned_by": "created_by", "banned_at": "created_at"},
    user_id=lambda record: record.part.removeprefix(_BAN),
)


@dataclass(frozen=True, slots=True)
class JoinContext:
    """A conversation that somebody wants to join by an invitation.

    `context` is the person's, or the one they would have as a new member. `inviter` is None if the person who made the
    invitation is no longer a member.
    """

    context: MemberContext
    is_member: bool
    is_banned: bool
    inviter: Member | None


def join_context(conversation_id: str, user_id: str, inviter_id: str) -> JoinContext:
    """Read a JoinContext in one round trip; raises NotFound if the conversation does not exist or was deleted."""
    head, info, member, ban, inviter = read_together(
        [
            log.head_key(conversation_id),
            (ConversationRecord, (conversation_id, INFO)),
            (MemberRecord, (conversation_id, user_id)),
            (ConversationRecord, (conversation_id, f"{_BAN}{user_id}")),
            (MemberRecord, (conversation_id, inviter_id)),
        ]
    )
    if head is None or info is None or info.deleted_at is not None:
        raise NotFound
    future = Member(conversation_id, user_id, "member", joined_at=0, visible_from=int(head.last_seq) + 1)
    return JoinContext(
        context=store.context_of(head, info, future if member is None else record_store.member_of(member)),
        is_member=member is not None,
        is_banned=ban is not None,
        inviter=None if inviter is None else record_store.member_of(inviter),
    )


def members_and_banned(conversation_id: str, user_ids: Sequence[str]) -> tuple[set[str], set[str]]:
    """The people among these who are members, and those who are banned: one round trip per 50."""
    memberships = [(MemberRecord, (conversation_id, user_id)) for user_id in user_ids]
    bans = [(ConversationRecord, (conversation_id, f"{_BAN}{user_id}")) for user_id in user_ids]
    rows = read_together([each for both in zip(memberships, bans, strict=True) for each in both])
    members = {user_id for user_id, row in zip(user_ids, rows[::2], strict=True) if row is not None}
    return members, {user_id for user_id, row in zip(user_ids, rows[1::2], strict=True) if row is not None}


def bans_page(conversation_id: str, *, after: str | None, limit: int) -> list[Ban]:
    """Bans ordered by the person's id, from after `after`."""
    start = None if after is None else ConversationRecord.start(conversation_id, f"{_BAN}{after}")
    rows = ConversationRecord.query(
        conversation_id,
        ConversationRecord.part.startswith(_BAN),
        consistent_read=True,
        limit=limit,
        last_evaluated_key=start,
    )
    return _BANNED.values(rows)


def stage_ban(transaction: Transaction, conversation_id: str, ban: Ban) -> None:
    transaction.put("ban", _BANNED.record(ban, conversation_id, f"{_BAN}{ban.user_id}"))


def stage_no_ban(transaction: Transaction, conversation_id: str, user_id: str) -> None:
    """Check that somebody is not banned (label `ban`)."""
    transaction.check(
        "ban", ConversationRecord, (conversation_id, f"{_BAN}{user_id}"), ConversationRecord.part.does_not_exist()
    )


def stage_unban(transaction: Transaction, conversation_id: str, user_id: str) -> None:
    transaction.delete("ban", ConversationRecord(conversation_id, f"{_BAN}{user_id}"))


def unban(conversation_id: str, user_id: str) -> None:
    """Lift a ban; idempotent."""
    ConversationRecord(conversation_id, f"{_BAN}{user_id}").delete()
