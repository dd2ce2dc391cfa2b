"""Who is in a group: adding, removing, leaving, roles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from conversations import log, publish, store, views
from conversations.model import (
    CONVERSATION_DELETED,
    MAX_MEMBERS,
    MEMBER_ADDED,
    MEMBER_REMOVED,
    MEMBER_UPDATED,
    ROSTER_MAX,
    Draft,
    Member,
    Place,
    Profile,
    Role,
    require_not_last_owner,
    successor,
)
from conversations.service import known, require_place
from kernel import clock
from kernel.caller import Caller
from kernel.dynamo import Transaction
from kernel.errors import NotFound, ValidationFailed
from users import service as users

ADDED_PER_WRITE = 45  # each takes an event and a member record of the 100 actions of a transaction


def add(*, caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Add people to a group: who was added, and who was skipped (unknown, a member already, or a block between)."""
    require_place(conversation_id, caller.user_id).require_add()
    asked = list(dict.fromkeys(user_ids))
    existing = users.directory(asked)
    blocked = users.blocked_by(caller.user_id, [user_id for user_id in asked if user_id in existing])
    able = [user_id for user_id in asked if user_id in existing and user_id not in blocked]
    added: list[str] = []
    for start in range(0, len(able), ADDED_PER_WRITE):
        added += _add_some(caller, conversation_id, able[start : start + ADDED_PER_WRITE])
    return added, [user_id for user_id in asked if user_id not in added]


def _add_some(caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> list[str]:
    people_at = _people_of(conversation_id)

    def plan(place: Place) -> log.Plan:
        place.require_add()
        present = {member.user_id for member in people_at(place)}
        new = [user_id for user_id in user_ids if user_id not in present]
        if place.profile.member_count + len(new) > MAX_MEMBERS:
            raise ValidationFailed.of("user_ids", f"a group has at most {MAX_MEMBERS} members")
        visible = place.profile.settings.history_visible
        now = clock.now()
        joining = [
            Member(conversation_id, user_id, "member", now, visible_from=1 if visible else place.next_seq + n)
            for n, user_id in enumerate(new)
        ]

        def stage(transaction: Transaction) -> None:
            for member in joining:
                store.stage_member(transaction, member)

        events = [Draft(MEMBER_ADDED, caller.user_id, views.member_ref(member)) for member in joining]
        return log.Plan(events, stage, _with_people(place.profile, add=new))

    place, entries = log.append(conversation_id, caller.user_id, plan)
    publish.committed(place, entries)
    return [entry.data["user_id"] for entry in entries]


def remove(*, caller: Caller, conversation_id: str, user_id: str) -> None:
    """Remove somebody, or leave. A last owner who leaves hands over; with the last member the group ends."""
    people_at = _people_of(conversation_id)

    def plan(place: Place) -> log.Plan:
        place.require_group()
        people = people_at(place)
        target = next((member for member in people if member.user_id == user_id), None)
        if target is None:
            raise NotFound
        if user_id != caller.user_id:
            place.require_removal_of(target)
        profile = _with_people(place.profile, remove=user_id, people=people)
        heir = successor(people, user_id) if target.role == "owner" else None
        events = [Draft(MEMBER_REMOVED, caller.user_id, views.member_ref(target))]
        if heir is not None:
            heir = replace(heir, role="owner")
            events.append(Draft(MEMBER_UPDATED, caller.user_id, views.member_ref(heir)))
        if profile.member_count == 0:
            profile = replace(profile, deleted_at=clock.now())
            events.append(Draft(CONVERSATION_DELETED, caller.user_id))

        def stage(transaction: Transaction) -> None:
            store.stage_removal(transaction, target)
            if heir is not None:
                store.stage_role(transaction, heir)

        return log.Plan(events, stage, profile)

    place, entries = log.append(known(conversation_id), caller.user_id, plan)
    # whoever has left is told that they did, and of nothing that came with it
    publish.committed(place, entries[:1], also=[user_id])
    publish.committed(place, entries[1:])


def change_role(*, caller: Caller, conversation_id: str, user_id: str, role: Role) -> dict[str, Any]:
    """Give somebody another role; raises Conflict `last_owner` rather than leave a group without one."""
    people_at = _people_of(conversation_id)

    def plan(place: Place) -> log.Plan:
        place.require_admin()
        people = people_at(place)
        target = next((member for member in people if member.user_id == user_id), None)
        if target is None:
            raise NotFound
        place.require_role_change(target, role)
        require_not_last_owner(people, target, role)
        changed = replace(target, role=role)
        return log.Plan(
            [Draft(MEMBER_UPDATED, caller.user_id, views.member_ref(changed))],
            lambda transaction: store.stage_role(transaction, changed),
        )

    place, entries = log.append(known(conversation_id), caller.user_id, plan)
    publish.committed(place, entries)
    member: dict[str, Any] = views.events(place, entries)[0]["data"]
    return member


def _people_of(conversation_id: str) -> Callable[[Place], list[Member]]:
    """The members as of a place; in a busy log they are read again only after an event that may have changed them."""
    read: dict[int, list[Member]] = {}

    def people_at(place: Place) -> list[Member]:
        acl_seq = place.head.acl_seq
        if acl_seq not in read:
            read[acl_seq] = store.members(conversation_id)
        return read[acl_seq]

    return people_at


def _with_people(
    profile: Profile, *, add: Sequence[str] = (), remove: str | None = None, people: Sequence[Member] = ()
) -> Profile:
    """The profile after people came or one went; the roster is kept while it is short."""
    count = profile.member_count + len(add) - (remove is not None)
    roster = profile.roster
    if remove is not None:
        roster = tuple(member.user_id for member in people if member.user_id != remove)
    elif roster is not None:
        roster = (*roster, *add)
    return replace(profile, member_count=count, roster=roster if roster and len(roster) <= ROSTER_MAX else None)
