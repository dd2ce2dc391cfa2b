"""Who is in a group: adding, removing, leaving, roles, bans."""

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
from conversations.service import known, require_member
from kernel import clock, ids
from kernel.caller import Caller
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from log import api as log
from log.model import NewEvent
from users import api as users

T = TypeVar("T")
ADDED_PER_WRITE = 32  # each takes an event, a member record and maybe a ban of the 100 actions of a transaction


def who_lost(loss: log.ConversationLost) -> list[str]:
    """Whom a loss takes the conversation from: one member, or all of a deleted group."""
    if loss.user_id is not None:
        return [loss.user_id]
    return [each.user_id for each in store.members(loss.conversation_id)]


def add(*, caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Add people to a group: who was added, and who was skipped.

    Skipped are those who are unknown or members already, who block the caller, and the banned, unless an admin adds
    them: that lifts the ban. Adds nobody and raises Forbidden `blocked` where the caller blocks one of them,
    ValidationFailed where not all others fit.
    """
    context = require_member(conversation_id, caller.user_id)
    context.require_add()
    asked = list(dict.fromkeys(user_ids))
    existing = users.public_profiles(asked)
    hearing = users.reachable("invitation", caller.user_id, [user_id for user_id in asked if user_id in existing])
    able = [user_id for user_id in asked if user_id in hearing]
    if len(able) > ADDED_PER_WRITE:  # the plan of a single write sees to that by itself
        _require_room(context, able)
    added = add_in_batches(caller=caller, conversation_id=conversation_id, user_ids=able)
    return added, [user_id for user_id in asked if user_id not in added]


def add_in_batches(*, caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> list[str]:
    """Add people who exist and between whom and the caller no block stands; those who are members now by it."""
    added: list[str] = []
    for start in range(0, len(user_ids), ADDED_PER_WRITE):
        some = user_ids[start : start + ADDED_PER_WRITE]
        try:
            added += retried(partial(_add_some, caller, conversation_id, some), on=Cancelled)
        except ValidationFailed:
            if not added:
                raise
            break  # others have come in since the first write
    return added


def _require_room(context: MemberContext, user_ids: Sequence[str]) -> None:
    """Raises ValidationFailed unless all of these fit who can be added."""
    inside, banned = ban_store.inside_and_banned(context.conversation_id, user_ids)
    left_out = inside if context.member.is_admin else inside | banned
    if not joining.has_room_for(context, len(user_ids) - len(left_out)):
        raise _too_many()


def _add_some(caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> list[str]:
    known_at = _as_of_access(lambda: ban_store.inside_and_banned(conversation_id, user_ids))

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
    """Remove somebody, who is banned by that, or leave.

    A last owner who leaves hands over; with the last member the group ends.
    """
    retried(partial(_remove, caller, known(conversation_id), user_id), on=Cancelled)


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
                _stage_an_owner_stays(transaction, people, target)
            if not leaves:
                ban_store.stage_ban(transaction, conversation_id, Ban(user_id, caller.user_id, clock.now()))

        planned = plans.ending if info.member_count == 0 else plans.with_info
        return planned(context, info, events, stage)

    context, events = plans.append(conversation_id, caller.user_id, plan)
    # whoever has left is told that they did, and of nothing that came with it
    publish.publish_events(context, events[:1], also=[user_id])
    publish.publish_events(context, events[1:])


def change_role(*, caller: Caller, conversation_id: str, user_id: str, role: Role) -> dict[str, Any]:
    """Give somebody another role; raises Conflict `last_owner` rather than leave a group without one.

    The role that one has already changes nothing.
    """
    return retried(partial(_change_role, caller, known(conversation_id), user_id, role), on=Cancelled)


def _change_role(caller: Caller, conversation_id: str, user_id: str, role: Role) -> dict[str, Any]:
    standing: list[Member] = []
    people_at = _as_of_access(lambda: store.members(conversation_id))

    def plan(context: MemberContext) -> log.AppendPlan:
        context.require_admin()
        people = people_at(context)
        target = _among(people, user_id)
        context.require_role_change(target, role)
        require_not_last_owner(people, target, role)
        standing[:] = [target]
        if role == target.role:
            return log.AppendPlan([])
        changed = replace(target, role=role, promoted_by=caller.user_id)

        def stage(transaction: Transaction) -> None:
            store.stage_role(transaction, changed)
            if role != "owner":
                _stage_an_owner_stays(transaction, people, target)

        return log.AppendPlan([NewEvent(MEMBER_UPDATED, caller.user_id, views.member_ref(changed))], stage)

    context, events = plans.append(conversation_id, caller.user_id, plan)
    if not events:
        return views.members(standing)[0]
    publish.publish_events(context, events)
    member: dict[str, Any] = views.event_views(context, events)[0]["data"]
    return member


def bans(*, caller: Caller, conversation_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """Who was removed from a group and cannot come back by a link (for its admins)."""
    require_member(conversation_id, caller.user_id).require_admin()
    paging = Paginator(after, caller.user_id, "bans", conversation_id)
    found = ban_store.bans_page(conversation_id, after=paging.start, limit=limit + 1)

    def show(page: Sequence[ban_store.Ban]) -> list[dict[str, Any]]:
        people = users.public_profiles(ban.user_id for ban in page)
        return [
            {"user": people[ban.user_id], "banned_by": ban.banned_by, "banned_at": ban.banned_at}
            for ban in page
            if ban.user_id in people
        ]

    return paging.page(found, limit, lambda ban: ban.user_id, show)


def unban(*, caller: Caller, conversation_id: str, user_id: str) -> None:
    """Let somebody who was removed come back by a link; no ban there is fine."""
    require_member(conversation_id, caller.user_id).require_admin()
    if not ids.is_id(user_id, "usr"):
        raise NotFound
    ban_store.unban(conversation_id, user_id)


def _among(people: Sequence[Member], user_id: str) -> Member:
    target = next((member for member in people if member.user_id == user_id), None)
    if target is None:
        raise NotFound
    return target


def _stage_an_owner_stays(transaction: Transaction, people: Sequence[Member], without: Member) -> None:
    """Where an owner goes or steps down, another one must be there at that moment."""
    others = [member for member in people if member.role == "owner" and member.user_id != without.user_id]
    if without.role == "owner" and others:
        store.stage_still_owner(transaction, others[0])


def _as_of_access(read: Callable[[], T]) -> Callable[[MemberContext], T]:
    """What is read as of a context; in a busy log it is read again only after an event that may have changed it."""
    found: dict[int, T] = {}

    def as_of(context: MemberContext) -> T:
        access_seq = context.head.access_seq
        if access_seq not in found:
            found[access_seq] = read()
        return found[access_seq]

    return as_of
