"""Conversations and their members in DynamoDB."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pynamodb.expressions.update import Action

from conversations.model import ConversationInfo, Member, MemberContext
from conversations.record_store import (
    INFO,
    LOCK,
    ConversationRecord,
    MemberRecord,
    info_of,
    info_record,
    member_of,
    member_record,
)
from kernel import parallel
from kernel.dynamo import Key, Record
from kernel.errors import NotFound
from kernel.reads import BATCH_GET_MAX_KEYS, read_together
from kernel.records import set_or_remove
from kernel.transactions import Transaction
from log import api as log
from log.model import LogHead


def context_of(head: Any, info: Any, member: Member) -> MemberContext:
    """The context of a member, with the records of head and info."""
    return MemberContext(log.head_of(head), info_of(info), member)


# --- reads ----------------------------------------------------------------------------------------------------


def context(conversation_id: str, user_id: str) -> MemberContext:
    """The caller's context, in one round trip; raises NotFound if the caller is not a member now."""
    return context_in(read_together(context_keys(conversation_id, user_id)))


def context_keys(conversation_id: str, user_id: str) -> list[tuple[type[Record], Key]]:
    """The keys of a context's three records, for reading them with other records; `context_in` maps the records."""
    return [log.head_key(conversation_id), info_key(conversation_id), member_key(conversation_id, user_id)]


def member_key(conversation_id: str, user_id: str) -> tuple[type[Record], Key]:
    return MemberRecord, (conversation_id, user_id)


def context_in(records: Sequence[Any]) -> MemberContext:
    """The context in the records of `context_keys`; raises NotFound."""
    found = _context(records)
    if found is None:
        raise NotFound
    return found


def _context(records: Sequence[Any]) -> MemberContext | None:
    head, info, member = records
    if head is None or info is None or member is None or info.deleted_at is not None:
        return None
    return context_of(head, info, member_of(member))


def system_context(conversation_id: str, actor_id: str) -> MemberContext:
    """A context in which the platform appends in somebody's name (to close a poll, for example), member or not.

    Raises NotFound if the conversation does not exist.
    """
    head, info = read_together([log.head_key(conversation_id), info_key(conversation_id)])
    return system_context_in(head, info, actor_id)


def system_context_in(head: Any, info: Any, actor_id: str) -> MemberContext:
    """`system_context` of these records; raises NotFound."""
    if head is None or info is None or info.deleted_at is not None:
        raise NotFound
    member = Member(info.conversation_id, actor_id, "owner", joined_at=info.created_at, visible_from=1)
    return context_of(head, info, member)


def contexts(conversation_ids: Sequence[str], user_id: str) -> dict[str, MemberContext]:
    """The caller's contexts by conversation id, without those of which the caller is not a member.

    One round trip per 33 conversations.
    """
    rows = iter(read_together([key for each in conversation_ids for key in context_keys(each, user_id)]))
    found = (_context(records) for records in zip(rows, rows, rows, strict=True))
    return {each.conversation_id: each for each in found if each is not None}


def head_and_info(conversation_id: str) -> tuple[LogHead, ConversationInfo] | None:
    """Head and info, in one round trip; None if there is no such conversation."""
    head, info = read_together([log.head_key(conversation_id), info_key(conversation_id)])
    if head is None or info is None or info.deleted_at is not None:
        return None
    return log.head_of(head), info_of(info)


def info(conversation_id: str) -> ConversationInfo | None:
    """The info of a conversation; None if it does not exist or was deleted."""
    return info_in(ConversationRecord.find(conversation_id, INFO))


def info_key(conversation_id: str) -> tuple[type[Record], Key]:
    """The key of an info, for reading it together with other records; `info_in` maps the record."""
    return ConversationRecord, (conversation_id, INFO)


def info_in(record: Any) -> ConversationInfo | None:
    """The info in a record of `info_key`; None if the conversation does not exist or was deleted."""
    return None if record is None or record.deleted_at is not None else info_of(record)


def conversations_of(user_id: str, *, below: str | None = None, limit: int | None = None) -> list[str]:
    """The ids of a person's conversations, the youngest first: at most `limit`, from below the id `below`.

    Read from an index, so eventually consistent.
    """
    older = None if below is None else MemberRecord.conversation_id < below
    rows = MemberRecord.by_user.query(user_id, older, scan_index_forward=False, limit=limit)
    return [row.conversation_id for row in rows]


def heads(conversation_ids: Sequence[str]) -> dict[str, LogHead]:
    """The heads by conversation id, without those that do not exist: one round trip per 100."""
    rows = read_together([log.head_key(each) for each in conversation_ids])
    return {row.conversation_id: log.head_of(row) for row in rows if row is not None}


def memberships_of(user_ids: Sequence[str], *, fresh: str | None) -> list[tuple[LogHead, list[Member]]]:
    """The conversations of several people, each with the memberships of those people: two round trips.

    The conversation `fresh` is read consistently, the others eventually, for half the price. Deleted groups may be
    among them until they are erased: see `infos`.
    """
    members: dict[str, set[str]] = defaultdict(set)
    for user_id, theirs in zip(user_ids, parallel.mapped(conversations_of, user_ids), strict=True):
        for conversation_id in theirs:
            members[conversation_id].add(user_id)
    consistent = [] if fresh is None else _membership_keys(fresh, user_ids)
    members.pop(fresh or "", None)
    others = [key for conversation_id, those in members.items() for key in _membership_keys(conversation_id, those)]
    rows = _read_in_parallel([(consistent, True), (others, False)])
    heads = {row.conversation_id: log.head_of(row) for row in rows if not isinstance(row, MemberRecord)}
    found: dict[str, list[Member]] = defaultdict(list)
    for row in rows:
        if isinstance(row, MemberRecord):
            found[row.conversation_id].append(member_of(row))
    return [(head, found[conversation_id]) for conversation_id, head in heads.items() if conversation_id in found]


def _membership_keys(conversation_id: str, user_ids: Iterable[str]) -> list[tuple[type[Record], Key]]:
    return [log.head_key(conversation_id), *(member_key(conversation_id, user_id) for user_id in user_ids)]


def _read_in_parallel(asked: Sequence[tuple[Sequence[tuple[type[Record], Key]], bool]]) -> list[Any]:
    """The existing records of (keys, whether to read consistently)."""
    chunks = [
        (keys[start : start + BATCH_GET_MAX_KEYS], consistent)
        for keys, consistent in asked
        for start in range(0, len(keys), BATCH_GET_MAX_KEYS)
    ]
    found = parallel.mapped(lambda each: read_together(each[0], consistent=each[1]), chunks)
    return [row for rows in found for row in rows if row is not None]


def infos(conversation_ids: Sequence[str]) -> dict[str, ConversationInfo]:
    """The infos by conversation id, without those that do not exist: one round trip per 100."""
    found = (info_in(row) for row in read_together([info_key(each) for each in conversation_ids]))
    return {each.conversation_id: each for each in found if each is not None}


def member(conversation_id: str, user_id: str) -> Member | None:
    record = MemberRecord.find(conversation_id, user_id)
    return None if record is None else member_of(record)


def members(conversation_id: str) -> list[Member]:
    """All members of a conversation: one round trip for up to about 5,000."""
    return [member_of(record) for record in MemberRecord.query(conversation_id, consistent_read=True)]


def admins(conversation_id: str) -> list[Member]:
    """The owners and admins of a conversation."""
    rows = MemberRecord.query(conversation_id, filter_condition=MemberRecord.role != "member", consistent_read=True)
    return [member_of(record) for record in rows]


def members_among(conversation_id: str, user_ids: Sequence[str]) -> set[str]:
    """The people among these who are members: one round trip per 100."""
    return set(members_by_id(conversation_id, user_ids))


def members_by_id(conversation_id: str, user_ids: Sequence[str]) -> dict[str, Member]:
    """The memberships of these people by id, without those who are not members: one round trip per 100."""
    rows = read_together([member_key(conversation_id, user_id) for user_id in user_ids])
    return {row.user_id: member_of(row) for row in rows if row is not None}


def members_page(conversation_id: str, *, after: str | None, limit: int) -> list[Member]:
    """Members ordered by id, from after `after`."""
    condition = None if after is None else MemberRecord.user_id > after
    rows = MemberRecord.query(conversation_id, condition, consistent_read=True, limit=limit)
    return [member_of(record) for record in rows]


def direct_between(first: str, second: str) -> str | None:
    """The id of the direct conversation of two people, None if there is none."""
    lock = ConversationRecord.find(_pair(first, second), LOCK)
    return None if lock is None else lock.target


def _pair(first: str, second: str) -> str:
    return "direct#" + "#".join(sorted((first, second)))


# --- writes staged in a transaction with their event ----------------------------------------------------------


def stage_new(transaction: Transaction, head: LogHead, info: ConversationInfo, members: Iterable[Member]) -> None:
    """Put a new conversation; a direct one also takes the lock of its two people (label `pair`)."""
    log.stage_new_head(transaction, head)
    transaction.put("info", info_record(info))
    for each in members:
        transaction.put("member", member_record(each))
    if info.kind == "direct" and info.member_ids is not None:
        lock = ConversationRecord(_pair(*info.member_ids), LOCK, target=info.conversation_id)
        transaction.put("pair", lock, ConversationRecord.conversation_id.does_not_exist())


def stage_info(transaction: Transaction, info: ConversationInfo) -> None:
    """Replace the info except `blocked_by`, if its version is the one that was read (label `info`).

    The head's condition does not suffice: head and info are not read as a snapshot, so the head may be newer.
    """
    version = ConversationRecord.version
    actions: list[Action] = [
        version.set(info.version + 1),
        ConversationRecord.settings.set(info.settings),
        ConversationRecord.member_count.set(info.member_count),
        set_or_remove(ConversationRecord.name, info.name),
        set_or_remove(ConversationRecord.description, info.description),
        set_or_remove(ConversationRecord.member_ids, info.member_ids),
        set_or_remove(ConversationRecord.deleted_at, info.deleted_at),
    ]
    as_read = version == info.version if info.version else version.does_not_exist()
    transaction.update("info", ConversationRecord(info.conversation_id, INFO), actions, as_read)


def stage_member(transaction: Transaction, member: Member) -> None:
    """Put a new membership; label `member` fails if there is one."""
    transaction.put("member", member_record(member), MemberRecord.user_id.does_not_exist())


def stage_still_owner(transaction: Transaction, member: Member) -> None:
    """Check that somebody is an owner (label `owner`)."""
    key = (member.conversation_id, member.user_id)
    transaction.check("owner", MemberRecord, key, MemberRecord.role == "owner")


def stage_role(transaction: Transaction, member: Member) -> None:
    """Change a member's role; label `member` fails if the membership has ended."""
    transaction.update(
        "member",
        MemberRecord(member.conversation_id, member.user_id),
        [MemberRecord.role.set(member.role), set_or_remove(MemberRecord.promoted_by, member.promoted_by)],
        MemberRecord.user_id.exists(),
    )


def stage_slot(transaction: Transaction, member: Member, *, now: int, every_ms: int) -> None:
    """Take a slow-mode slot; label `turn` fails if the member took one in the last `every_ms`, or has left."""
    last = MemberRecord.last_sent_at
    transaction.update(
        "turn",
        MemberRecord(member.conversation_id, member.user_id),
        [last.set(now)],
        MemberRecord.role.exists() & (last.does_not_exist() | (last <= now - every_ms)),
    )


def stage_removal(transaction: Transaction, member: Member) -> None:
    transaction.delete("member", MemberRecord(member.conversation_id, member.user_id))


# --- single writes --------------------------------------------------------------------------------------------


def save_preferences(conversation_id: str, user_id: str, changes: dict[str, Any]) -> Member:
    """Change a member's preferences; raises NotFound if the membership has ended."""
    fields = MemberRecord.get_attributes()
    actions = [set_or_remove(fields[name], value) for name, value in changes.items()]
    record = MemberRecord(conversation_id, user_id)
    if not record.update_if(MemberRecord.role.exists(), *actions):
        raise NotFound
    return member_of(record)


def move_marker(
    conversation_id: str, user_id: str, marker: Literal["read_seq", "delivered_seq"], seq: int
) -> Member | None:
    """Move a marker forward; None if it is already there or beyond, or if the membership has ended."""
    record, attribute = MemberRecord(conversation_id, user_id), MemberRecord.get_attributes()[marker]
    moved = record.update_if(MemberRecord.role.exists() & (attribute < seq), attribute.set(seq))
    return member_of(record) if moved else None


def note_block(conversation_id: str, blocker_id: str, blocked: bool) -> None:
    """Add or remove a person in a direct conversation's `blocked_by`."""
    change = (
        ConversationRecord.blocked_by.add({blocker_id})
        if blocked
        else ConversationRecord.blocked_by.delete({blocker_id})
    )
    ConversationRecord(conversation_id, INFO).update([change])


def note_apart(conversation_id: str, user_id: str, other_id: str, apart: bool) -> None:
    """Add or remove another member in a membership's `apart`; does nothing if the membership has ended."""
    names = MemberRecord.apart
    change = names.add({other_id}) if apart else names.delete({other_id})
    MemberRecord(conversation_id, user_id).update_if(MemberRecord.role.exists(), change)
