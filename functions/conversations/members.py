"""Who is in a group: adding, removing, leaving, roles, bans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from conversations import door_store, joining, log, publish, store, views
from conversations.door_store import Ban
from conversations.entries import CONVERSATION_DELETED, MEMBER_REMOVED, MEMBER_UPDATED, Draft
from conversations.model import MAX_MEMBERS, Member, Place, Role, require_not_last_owner, successor
from conversations.service import known, require_place
from kernel import clock, cursor, ids
from kernel.caller import Caller
from kernel.cursor import Page
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import NotFound, ValidationFailed
from kernel.resilience import retried
from users import service as users

T = TypeVar("T")
ADDED_PER_WRITE = 32  # each takes an event, a member record and maybe a ban of the 100 actions of a transaction


def add(*, caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Add people to a group: who was added, and who was skipped.

    Skipped are those who are unknown or members already, between whom and the caller a block stands, and the banned,
    unless an admin adds them: that lifts the ban. Raises ValidationFailed, and adds nobody, where not all others fit.
    """
    place = require_place(conversation_id, caller.user_id)
    place.require_add()
    asked = list(dict.fromkeys(user_ids))
    existing = users.directory(asked)
    blocked = users.blocked_by(caller.user_id, [user_id for user_id in asked if user_id in existing])
    able = [user_id for user_id in asked if user_id in existing and user_id not in blocked]
    if len(able) > ADDED_PER_WRITE:  # the plan of a single write sees to that by itself
        _require_room(place, able)
    added = bring_in(caller=caller, conversation_id=conversation_id, user_ids=able)
    return added, [user_id for user_id in asked if user_id not in added]


def bring_in(*, caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> list[str]:
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


def _require_room(place: Place, user_ids: Sequence[str]) -> None:
    """Raises ValidationFailed unless all of these fit who can be added."""
    inside, banned = door_store.inside_and_banned(place.conversation_id, user_ids)
    left_out = inside if place.member.is_admin else inside | banned
    if not joining.has_room_for(place, len(user_ids) - len(left_out)):
        raise _too_many()


def _add_some(caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> list[str]:
    known_at = _as_of_acl(lambda: door_store.inside_and_banned(conversation_id, user_ids))

    def plan(place: Place) -> log.Plan:
        place.require_add()
        inside, banned = known_at(place)
        able = user_ids if place.member.is_admin else [user_id for user_id in user_ids if user_id not in banned]
        new = [user_id for user_id in able if user_id not in inside]
        if not joining.has_room_for(place, len(new)):
            raise _too_many()

        def lift_bans(transaction: Transaction) -> None:
            for user_id in banned.intersection(new):
                door_store.stage_unban(transaction, conversation_id, user_id)

        return joining.plan(place, new, actor_id=caller.user_id, also=lift_bans)

    place, entries = log.append(conversation_id, caller.user_id, plan)
    publish.committed(place, entries)
    return [entry.data["user_id"] for entry in entries]


def _too_many() -> ValidationFailed:
    return ValidationFailed.of("user_ids", f"a group has at most {MAX_MEMBERS} members")


def remove(*, caller: Caller, conversation_id: str, user_id: str) -> None:
    """Remove somebody, who is banned by that, or leave.

    A last owner who leaves hands over; with the last member the group ends.
    """
    retried(partial(_remove, caller, known(conversation_id), user_id), on=Cancelled)


def _remove(caller: Caller, conversation_id: str, user_id: str) -> None:
    people_at = _as_of_acl(lambda: store.members(conversation_id))

    def plan(place: Place) -> log.Plan:
        place.require_group()
        people = people_at(place)
        target = _among(people, user_id)
        leaves = user_id == caller.user_id
        if not leaves:
            place.require_removal_of(target)
        profile = place.profile.without(user_id, people)
        heir = successor(people, user_id) if target.role == "owner" else None
        events = [Draft(MEMBER_REMOVED, caller.user_id, views.member_ref(target))]
        if heir is not None:
            heir = replace(heir, role="owner", promoted_by=None)
            events.append(Draft(MEMBER_UPDATED, caller.user_id, views.member_ref(heir)))
        if profile.member_count == 0:
            profile = replace(profile, deleted_at=clock.now())
            events.append(Draft(CONVERSATION_DELETED, caller.user_id))

        def stage(transaction: Transaction) -> None:
            store.stage_removal(transaction, target)
            if heir is not None:
                store.stage_role(transaction, heir)
            else:
                _stage_an_owner_stays(transaction, people, target)
            if not leaves:
                door_store.stage_ban(transaction, conversation_id, Ban(user_id, caller.user_id, clock.now()))

        return log.Plan(events, stage, profile)

    place, entries = log.append(conversation_id, caller.user_id, plan)
    # whoever has left is told that they did, and of nothing that came with it
    publish.committed(place, entries[:1], also=[user_id])
    publish.committed(place, entries[1:])


def change_role(*, caller: Caller, conversation_id: str, user_id: str, role: Role) -> dict[str, Any]:
    """Give somebody another role; raises Conflict `last_owner` rather than leave a group without one."""
    return retried(partial(_change_role, caller, known(conversation_id), user_id, role), on=Cancelled)


def _change_role(caller: Caller, conversation_id: str, user_id: str, role: Role) -> dict[str, Any]:
    people_at = _as_of_acl(lambda: store.members(conversation_id))

    def plan(place: Place) -> log.Plan:
        place.require_admin()
        people = people_at(place)
        target = _among(people, user_id)
        place.require_role_change(target, role)
        require_not_last_owner(people, target, role)
        # the role that one has already is no gift: who was made an admin cannot become one of their own making
        by = target.promoted_by if role == target.role else caller.user_id
        changed = replace(target, role=role, promoted_by=by)

        def stage(transaction: Transaction) -> None:
            store.stage_role(transaction, changed)
            if role != "owner":
                _stage_an_owner_stays(transaction, people, target)

        return log.Plan([Draft(MEMBER_UPDATED, caller.user_id, views.member_ref(changed))], stage)

    place, entries = log.append(conversation_id, caller.user_id, plan)
    publish.committed(place, entries)
    member: dict[str, Any] = views.events(place, entries)[0]["data"]
    return member


def bans(*, caller: Caller, conversation_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """Who was removed from a group and cannot come back by a link (for its admins)."""
    require_place(conversation_id, caller.user_id).require_admin()
    bound_to = (caller.user_id, "bans", conversation_id)
    start = None if after is None else cursor.unseal(after, bound_to=bound_to)
    found = door_store.bans_page(conversation_id, after=start, limit=limit + 1)
    page = found[:limit]
    people = users.directory([ban.user_id for ban in page])
    shown = [
        {"user": people[ban.user_id], "banned_by": ban.banned_by, "banned_at": ban.banned_at}
        for ban in page
        if ban.user_id in people
    ]
    return Page(shown, cursor.seal(page[-1].user_id, bound_to=bound_to) if len(found) > limit else None)


def unban(*, caller: Caller, conversation_id: str, user_id: str) -> None:
    """Let somebody who was removed come back by a link; no ban there is fine."""
    require_place(conversation_id, caller.user_id).require_admin()
    if not ids.is_id(user_id, "usr"):
        raise NotFound
    door_store.unban(conversation_id, user_id)


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


def _as_of_acl(read: Callable[[], T]) -> Callable[[Place], T]:
    """What is read as of a place; in a busy log it is read again only after an event that may have changed it."""
    found: dict[int, T] = {}

    def as_of(place: Place) -> T:
        acl_seq = place.head.acl_seq
        if acl_seq not in found:
            found[acl_seq] = read()
        return found[acl_seq]

    return as_of
