"""The members of a group: adding, removing, leaving, roles, bans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from conversations import ban_store, joining, plans, publish, store, views
from conversations.ban_store import Ban
from conversations.model import (
    CONVERSATION_DELETED,
    MAX_MEMBERS,
    MEMBER_REMOVED,
    MEMBER_UPDATED,
    Member,
    MemberContext,
    Role,
    require_not_last_owner,
    successor,
)
from conversations.service import require_id, require_member
from kernel import clock, ids
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction
from log import api as log
from log.model import NewEvent
from users import api as users

T = TypeVar("T")
ADDED_PER_WRITE = 32  # each takes up to three of the 100 actions of a transaction: event, membership, lifted ban


def affected_members(loss: log.ConversationLost) -> list[str]:
    """The ids of the people who lose a conversation: one former member, or all members of a deleted group."""
    return everybody_in(loss.conversation_id) if loss.user_id is None else [loss.user_id]


def everybody_in(conversation_id: str) -> list[str]:
    """The ids of all members of a conversation: a round trip per megabyte of memberships."""
    return [each.user_id for each in store.members(conversation_id)]


def add(*, caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Add people to a group; returns the ids added, and those skipped.

    Skipped are people who are unknown or erased, are members already, or block the caller, and banned people unless an
    admin adds them, which lifts the ban. Adds nobody and raises Forbidden `blocked` if the caller blocks one of them,
    ValidationFailed if not all others fit into the group.
    """
    context = require_member(conversation_id, caller.user_id)
    context.require_add()
    asked = list(dict.fromkeys(user_ids))
    hearing = users.reachable("invitation", caller.user_id, list(users.existing(asked)))
    able = [user_id for user_id in asked if user_id in hearing]
    if len(able) > ADDED_PER_WRITE:  # a single write checks the room in its plan
        _require_room(context, able)
    added = add_in_batches(caller=caller, conversation_id=conversation_id, user_ids=able)
    return added, [user_id for user_id in asked if user_id not in added]


def add_in_batches(*, caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> list[str]:
    """Add existing people without blocks between them and the caller; returns the ids added."""
    added: list[str] = []
    for start in range(0, len(user_ids), ADDED_PER_WRITE):
        some = user_ids[start : start + ADDED_PER_WRITE]
        try:
            added += retried(partial(_add_some, caller, conversation_id, some), on=Cancelled)
        except ValidationFailed:
            if not added:
                raise
            break  # others have filled the group since the first write
    return added


def _require_room(context: MemberContext, user_ids: Sequence[str]) -> None:
    """Raise ValidationFailed unless all of these people who can be added fit into the group."""
    inside, banned = ban_store.members_and_banned(context.conversation_id, user_ids)
    left_out = inside if context.member.is_admin else inside | banned
    if not joining.has_room_for(context, len(user_ids) - len(left_out)):
        raise _too_many()


def _add_some(caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> list[str]:
    known_at = _as_of_access(lambda: ban_store.members_and_banned(conversation_id, user_ids))

    def plan(context: MemberContext) -> log.AppendPlan:
        context.require_add()
        inside, banned = known_at(context)
        able = user_ids if context.member.is_admin else [user_id for user_id in user_ids if user_id not in banned]
        new = [user_id for user_id in able if user_id not in inside]
        if not joining.has_room_for(context, len(new)):
            raise _too_many()

        def lift_bans(transaction: Transaction) -> None:
            for user_id in banned.intersection(new):
                ban_store.stage_unban(transaction, conversation_id, user_id)

        return joining.plan(context, new, actor_id=caller.user_id, also=lift_bans)

    context, events = plans.append(conversation_id, caller.user_id, plan)
    publish.publish_events(context, events)
    return [event.data["user_id"] for event in events]


def _too_many() -> ValidationFailed:
    return ValidationFailed.of("user_ids", f"a group has at most {MAX_MEMBERS} members")


def remove(*, caller: Caller, conversation_id: str, user_id: str) -> None:
    """Remove and ban somebody, or leave.

    When the last owner leaves, a successor becomes owner; when the last member leaves, the group is deleted.
    """
    retried(partial(_remove, caller, require_id(conversation_id), user_id), on=Cancelled)


def _remove(caller: Caller, conversation_id: str, user_id: str) -> None:
    people_at = _as_of_access(lambda: store.members(conversation_id))

    def plan(context: MemberContext) -> log.AppendPlan:
        context.require_group()
        people = people_at(context)
        target = _among(people, user_id)
        leaves = user_id == caller.user_id
        if not leaves:
            context.require_removal_of(target)
        info = context.info.without(user_id, people)
        heir = successor(people, user_id) if target.role == "owner" else None
        events = [NewEvent(MEMBER_REMOVED, caller.user_id, views.member_ref(target))]
        if heir is not None:
            heir = replace(heir, role="owner", promoted_by=None)
            events.append(NewEvent(MEMBER_UPDATED, caller.user_id, views.member_ref(heir)))
        if info.member_count == 0:
            events.append(NewEvent(CONVERSATION_DELETED, caller.user_id))

        def stage(transaction: Transaction) -> None:
            store.stage_removal(transaction, target)
            if heir is not None:
                store.stage_role(transaction, heir)
            else:
                _stage_owner_remains(transaction, people, target)
            if not leaves:
                ban_store.stage_ban(transaction, conversation_id, Ban(user_id, caller.user_id, clock.now()))

        planned = plans.with_deletion if info.member_count == 0 else plans.with_info
        return planned(context, info, events, stage)

    context, events = plans.append(conversation_id, caller.user_id, plan)
    # the former member gets the removal, but not the events after it
    publish.publish_events(context, events[:1], also=[user_id])
    publish.publish_events(context, events[1:])


def change_role(*, caller: Caller, conversation_id: str, user_id: str, role: Role) -> dict[str, Any]:
    """Change somebody's role; the same role again changes nothing. Raises Conflict `last_owner`."""
    return retried(partial(_change_role, caller, require_id(conversation_id), user_id, role), on=Cancelled)


def _change_role(caller: Caller, conversation_id: str, user_id: str, role: Role) -> dict[str, Any]:
    unchanged: list[Member] = []
    people_at = _as_of_access(lambda: store.members(conversation_id))

    def plan(context: MemberContext) -> log.AppendPlan:
        context.require_admin()
        people = people_at(context)
        target = _among(people, user_id)
        context.require_role_change(target, role)
        require_not_last_owner(people, target, role)
        unchanged[:] = [target]
        if role == target.role:
            return log.AppendPlan([])
        changed = replace(target, role=role, promoted_by=caller.user_id)

        def stage(transaction: Transaction) -> None:
            store.stage_role(transaction, changed)
            if role != "owner":
                _stage_owner_remains(transaction, people, target)

        return log.AppendPlan([NewEvent(MEMBER_UPDATED, caller.user_id, views.member_ref(changed))], stage)

    context, events = plans.append(conversation_id, caller.user_id, plan)
    if not events:
        return views.members(unchanged)[0]
    publish.publish_events(context, events)
    member: dict[str, Any] = views.event_views(context, events)[0]["data"]
    return member


def bans(*, caller: Caller, conversation_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The bans of a group, for its admins."""
    require_member(conversation_id, caller.user_id).require_admin()
    paging = Paginator(after, caller.user_id, "bans", conversation_id)
    found = ban_store.bans_page(conversation_id, after=paging.start, limit=limit + 1)

    def view(page: Sequence[ban_store.Ban]) -> list[dict[str, Any]]:
        people = users.public_profiles(ban.user_id for ban in page)
        return [
            {"user": people[ban.user_id], "banned_by": ban.banned_by, "banned_at": ban.banned_at}
            for ban in page
            if ban.user_id in people
        ]

    return paging.page(found, limit, lambda ban: ban.user_id, view)


def unban(*, caller: Caller, conversation_id: str, user_id: str) -> None:
    """Lift a ban (admins); idempotent. Raises NotFound for a malformed id."""
    require_member(conversation_id, caller.user_id).require_admin()
    if not ids.is_id(user_id, "usr"):
        raise NotFound
    ban_store.unban(conversation_id, user_id)


def _among(people: Sequence[Member], user_id: str) -> Member:
    target = next((member for member in people if member.user_id == user_id), None)
    if target is None:
        raise NotFound
    return target


def _stage_owner_remains(transaction: Transaction, people: Sequence[Member], without: Member) -> None:
    """If an owner leaves or steps down, check that another member is still an owner (label `owner`)."""
    others = [member for member in people if member.role == "owner" and member.user_id != without.user_id]
    if without.role == "owner" and others:
        store.stage_still_owner(transaction, others[0])


def _as_of_access(read: Callable[[], T]) -> Callable[[MemberContext], T]:
    """A reader that caches by the context's `access_seq`: it reads again only after an event that changes access."""
    found: dict[int, T] = {}

    def as_of(context: MemberContext) -> T:
        access_seq = context.head.access_seq
        if access_seq not in found:
            found[access_seq] = read()
        return found[access_seq]

    return as_of
