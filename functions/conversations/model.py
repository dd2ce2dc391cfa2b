"""Conversations: types and rules. Standard library and kernel only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kernel import clock
from kernel.errors import Conflict, Forbidden, Problem
from log.model import LogHead, NewEvent
from users.model import NoticeKind, receives, refuse

CONVERSATION_CREATED = "conversation.created"
CONVERSATION_UPDATED = "conversation.updated"
PREFERENCES_UPDATED = "preferences.updated"
CONVERSATION_DELETED = "conversation.deleted"
MEMBER_ADDED = "member.added"
MEMBER_REMOVED = "member.removed"
MEMBER_UPDATED = "member.updated"
KEYS_CHANGED = "keys.changed"

Kind = Literal["direct", "group"]
Role = Literal["owner", "admin", "member"]
Who = Literal["all", "admins"]
Notifications = Literal["all", "mentions", "none"]

MAX_MEMBERS = 1_000
# Up to this many members, the info lists their ids, so that sending need not read the memberships.
MEMBER_IDS_MAX = 20
RANK: Mapping[str, int] = {"member": 0, "admin": 1, "owner": 2}


class PolicyUnavailable(Problem):
    status, code, detail = 501, "ai_unavailable", "This deployment does not look at messages (AiModeration)."


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a conversation."""

    who_can_send: Who = "all"
    who_can_add: Who = "all"
    who_can_create_polls: Who = "all"
    ai_enabled: bool = False
    encrypted: bool = False
    disappearing_seconds: int | None = None
    history_visible: bool = False
    slow_mode_seconds: int = 0
    who_can_pin: Who = "all"
    moderation: Literal["off", "flag"] = "off"  # flag: messages that look harmful are reported to the admins

    @property
    def slow_mode_ms(self) -> int:
        return self.slow_mode_seconds * clock.SECOND


@dataclass(frozen=True, slots=True)
class Member:
    """One person's membership of a conversation. Times in ms; `visible_from` is the first seq the member may see.

    `archived_seq` is the last message's seq when the member archived the conversation; `last_sent_at` is kept under
    slow mode only; `promoted_by` is the person who gave the role. `apart` are the members of a group whom the member
    blocks or who block the member, with a short delay (conversations.member_blocks).
    """

    conversation_id: str
    user_id: str
    role: Role
    joined_at: int
    visible_from: int
    read_seq: int = 0
    delivered_seq: int = 0
    muted_until: int | None = None
    pinned: bool = False
    archived: bool = False
    notifications: Notifications = "all"
    archived_seq: int = 0
    last_sent_at: int | None = None
    promoted_by: str | None = None
    apart: frozenset[str] = frozenset()

    def receives(self, kind: NoticeKind, actor_id: str | None) -> bool:
        """Whether this member receives a notice caused by another (users.model.receives)."""
        return receives(kind, actor_id, apart=self.apart)

    @property
    def is_admin(self) -> bool:
        return RANK[self.role] >= RANK["admin"]

    def is_muted(self, now: int) -> bool:
        return self.notifications == "none" or (self.muted_until is not None and self.muted_until > now)

    def is_archived(self, last_message_seq: int, now: int) -> bool:
        """Whether the conversation is archived; a new message unarchives it, unless it is muted."""
        return self.archived and (last_message_seq <= self.archived_seq or self.is_muted(now))


@dataclass(frozen=True, slots=True)
class ConversationInfo:
    """A conversation's info. `member_ids` are the members' ids while there are at most 20 of them, else None;
    `blocked_by` the people in a direct conversation who block the other; `version` counts changes (optimistic locking).
    """

    conversation_id: str
    kind: Kind
    name: str | None
    description: str | None
    settings: Settings
    created_at: int
    created_by: str
    member_count: int
    member_ids: tuple[str, ...] | None
    blocked_by: frozenset[str] = frozenset()
    deleted_at: int | None = None
    version: int = 0

    def receives(self, kind: NoticeKind, actor_id: str | None) -> bool:
        """Whether the other person of a direct conversation receives a notice of `actor_id`; True for groups."""
        return receives(kind, actor_id, apart=(actor_id,) if self.blocked_by and actor_id is not None else ())

    def with_new(self, user_ids: Sequence[str]) -> ConversationInfo:
        """The info after people have joined."""
        member_ids = None if self.member_ids is None else (*self.member_ids, *user_ids)
        return self._with(self.member_count + len(user_ids), member_ids)

    def without(self, user_id: str, people: Sequence[Member]) -> ConversationInfo:
        """The info after `user_id`, one of the members `people`, has left."""
        return self._with(self.member_count - 1, tuple(each.user_id for each in people if each.user_id != user_id))

    def _with(self, count: int, member_ids: tuple[str, ...] | None) -> ConversationInfo:
        listed = member_ids if member_ids and len(member_ids) <= MEMBER_IDS_MAX else None
        return replace(self, member_count=count, member_ids=listed)


@dataclass(frozen=True, slots=True)
class MemberContext:
    """A caller's context in a conversation: the log's head, the info and the caller's membership."""

    head: LogHead
    info: ConversationInfo
    member: Member

    @property
    def conversation_id(self) -> str:
        return self.head.conversation_id

    def receives(self, kind: NoticeKind, actor_id: str | None) -> bool:
        """Whether the member receives a notice caused by another in this conversation."""
        own = actor_id == self.member.user_id
        return own or (self.info.receives(kind, actor_id) and self.member.receives(kind, actor_id))

    @property
    def next_seq(self) -> int:
        return self.head.last_seq + 1

    def at_head(self, head: LogHead) -> MemberContext:
        return replace(self, head=head)

    def head_after(self, head: LogHead, new: NewEvent) -> LogHead:
        """The head, with `rekey_due` if a person or device that has the keys of an encrypted conversation leaves."""
        if self.info.settings.encrypted and voids_keys(new):
            return replace(head, group=replace(head.group, rekey_due=True))
        return head

    def require_admin(self) -> None:
        self.require_group()
        if not self.member.is_admin:
            raise Forbidden("Only the owner and admins may do this.")

    def require_owner(self) -> None:
        self.require_group()
        if self.member.role != "owner":
            raise Forbidden("Only the owner may do this.")

    def require_group(self) -> None:
        if self.info.kind != "group":
            raise Forbidden("A direct conversation has no members to manage and no settings to change.")

    def require_not_blocked(self) -> None:
        """Raise Forbidden `blocked` if the member blocks the other person, NotFound if the other blocks the member."""
        if self.info.blocked_by:
            refuse(blocks=self.member.user_id in self.info.blocked_by)

    def require_send(self) -> None:
        """Require that the member may send; raises Forbidden, NotFound."""
        self.require_not_blocked()
        if self.info.settings.who_can_send == "admins" and not self.member.is_admin:
            raise Forbidden("Only admins may send here.")

    @property
    def is_slowed(self) -> bool:
        """Whether slow mode applies to the member."""
        return self.info.settings.slow_mode_seconds > 0 and not self.member.is_admin

    def must_wait_ms(self, now: int) -> int:
        """For how many ms slow mode keeps the member from sending; 0 or less if it does not.

        At most its interval, as the last message may be from a process whose clock is ahead.
        """
        last, every = self.member.last_sent_at, self.info.settings.slow_mode_ms
        return 0 if last is None or not self.is_slowed else min(last - now, 0) + every

    def require_create_polls(self) -> None:
        """Require that the member may create a poll; raises Forbidden, NotFound."""
        self.require_send()
        if self.info.settings.who_can_create_polls == "admins" and not self.member.is_admin:
            raise Forbidden("Only admins may make polls here.")
        self.require_plain()

    def require_plain(self) -> None:
        """Require a conversation without encryption; raises Forbidden `encrypted_conversation`."""
        if self.info.settings.encrypted:
            raise Forbidden("This conversation takes only encrypted messages.", code="encrypted_conversation")

    def require_pin(self) -> None:
        """Require that the member may pin messages; raises Forbidden, NotFound."""
        self.require_not_blocked()
        limited = self.info.kind == "group" and self.info.settings.who_can_pin == "admins"
        if limited and not self.member.is_admin:
            raise Forbidden("Only admins may pin messages here.")

    def require_add(self) -> None:
        self.require_group()
        if self.info.settings.who_can_add == "admins" and not self.member.is_admin:
            raise Forbidden("Only admins may add people here.")

    def require_removal_of(self, target: Member) -> None:
        """Require that the member may remove `target`: admins remove members, owners anybody. Raises Forbidden."""
        self.require_group()
        if not self.member.is_admin or (self.member.role != "owner" and RANK[target.role] >= RANK["admin"]):
            raise Forbidden("You may not remove this person.")

    def require_role_change(self, target: Member, role: Role) -> None:
        """Require that the member may give `target` a role; raises Forbidden.

        Owners give any role. Admins promote members to admins, demote admins whom they promoted, and may step down.
        """
        self.require_admin()
        if self.member.role == "owner":
            return
        if role == "owner" or target.role == "owner":
            raise Forbidden("Only an owner may make or unmake owners.")
        if target.is_admin and self.member.user_id not in (target.user_id, target.promoted_by):
            raise Forbidden("Only an owner may unmake an admin whom somebody else made.")


def voids_keys(new: NewEvent) -> bool:
    """Whether a person or device leaves by this event, who has the group's keys until its next commit."""
    return new.type == MEMBER_REMOVED or (new.type == KEYS_CHANGED and new.data["action"] != "added")


def successor(members: list[Member], leaving: str) -> Member | None:
    """The next owner when the last one leaves: the longest-serving admin, else member; None if none is needed."""
    rest = [member for member in members if member.user_id != leaving]
    if not rest or any(member.role == "owner" for member in rest):
        return None
    admins = [member for member in rest if member.role == "admin"]
    return min(admins or rest, key=lambda member: (member.joined_at, member.user_id))


def require_not_last_owner(members: list[Member], target: Member, role: Role) -> None:
    """Raise Conflict `last_owner` if a role change would leave a group without an owner."""
    owners = [member for member in members if member.role == "owner"]
    if target.role == "owner" and role != "owner" and len(owners) == 1:
        raise Conflict("A group needs an owner: make somebody else owner first.", code="last_owner")
