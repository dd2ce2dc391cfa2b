"""Who is in a group: adding, removing, leaving, roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
from conversations.service import require_place
from kernel import clock
from kernel.auth import Caller
from kernel.dynamo import Transaction
from kernel.errors import NotFound, ValidationFailed
from users import service as users

ADDED_PER_WRITE = 45  # each takes an event and a member record of the 100 actions of a transaction


def add(*, caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Add people to a group: who was added, and who was skipped (unknown, a member already, or a block between)."""
    require_place(conversation_id, caller.user_id).require_add()
    asked = list(dict.fromkeys(user_ids))
    known = users.directory(asked)
    blocked = users.blocked_by(caller.user_id, [user_id for user_id in asked if user_id in known])
    able = [user_id for user_id in asked if user_id in known and user_id not in blocked]
    added: list[str] = []
    for start in range(0, len(able), ADDED_PER_WRITE):
        added += _add_some(caller, conversation_id, able[start : start + ADDED_PER_WRITE])
    return added, [user_id for user_id in asked if user_id not in added]


def _add_some(caller: Caller, conversation_id: str, user_ids: Sequence[str]) -> list[str]:
    joining: list[Member] = []
    place_then: list[Place] = []

    def drafts(place: Place, seq: int) -> list[Draft]:
        present = {member.user_id for member in store.members(conversation_id)}
        new = [user_id for user_id in user_ids if user_id not in present]
        if place.profile.member_count + len(new) > MAX_MEMBERS:
            raise ValidationFailed.of("user_ids", f"a group has at most {MAX_MEMBERS} members")
        visible = place.profile.settings.history_visible
        joining[:] = [
            Member(conversation_id, user_id, "member", clock.now(), visible_from=1 if visible else seq + n)
            for n, user_id in enumerate(new)
        ]
        return [Draft(MEMBER_ADDED, caller.user_id, views.member_ref(member)) for member in joining]

    def stage(transaction: Transaction, place: Place, _seq: int) -> None:
        for member in joining:
            store.stage_member(transaction, member)
        profile = _with_people(place.profile, add=[member.user_id for member in joining])
        place_then[:] = [replace(place, profile=profile)]
        store.stage_profile(transaction, profile)

    place, entries = log.append(conversation_id, caller.user_id, require=Place.require_add, drafts=drafts, stage=stage)
    if entries:
        publish.committed(replace(place, profile=place_then[0].profile), entries)
    return [member.user_id for member in joining] if entries else []


def remove(*, caller: Caller, conversation_id: str, user_id: str) -> None:
    """Remove somebody, or leave. A last owner who leaves hands over; with the last member the group ends."""
    require_place(conversation_id, caller.user_id).require_group()
    leaving = user_id == caller.user_id
    found: list[Member] = []
    heir: list[Member] = []
    profile_then: list[Profile] = []

    def require(place: Place) -> None:
        place.require_group()
        target = place.member if leaving else store.member(conversation_id, user_id)
        if target is None:
            raise NotFound
        if not leaving:
            place.require_removal_of(target)
        found[:] = [target]

    def drafts(place: Place, _seq: int) -> list[Draft]:
        people = store.members(conversation_id)
        profile_then[:] = [_with_people(place.profile, remove=user_id, people=people)]
        next_owner = successor(people, user_id) if found[0].role == "owner" else None
        heir[:] = [replace(next_owner, role="owner")] if next_owner else []
        events = [Draft(MEMBER_REMOVED, caller.user_id, views.member_ref(found[0]))]
        events += [Draft(MEMBER_UPDATED, caller.user_id, views.member_ref(member)) for member in heir]
        if profile_then[0].member_count == 0:
            profile_then[:] = [replace(profile_then[0], deleted_at=clock.now())]
            events.append(Draft(CONVERSATION_DELETED, caller.user_id))
        return events

    def stage(transaction: Transaction, _place: Place, _seq: int) -> None:
        store.stage_removal(transaction, found[0])
        for member in heir:
            store.stage_role(transaction, member)
        store.stage_profile(transaction, profile_then[0])

    place, entries = log.append(conversation_id, caller.user_id, require=require, drafts=drafts, stage=stage)
    # the person who left is told that they did, and of nothing that came with it
    place = replace(place, profile=profile_then[0])
    publish.committed(place, entries[:1], also=[user_id])
    publish.committed(place, entries[1:])


def change_role(*, caller: Caller, conversation_id: str, user_id: str, role: Role) -> Member:
    """Give somebody another role; raises Conflict `last_owner` rather than leave a group without one."""
    require_place(conversation_id, caller.user_id).require_group()
    changed: list[Member] = []

    def require(place: Place) -> None:
        place.require_admin()
        target = store.member(conversation_id, user_id)
        if target is None:
            raise NotFound
        place.require_role_change(target, role)
        if target.role == "owner":
            require_not_last_owner(store.members(conversation_id), target, role)
        changed[:] = [replace(target, role=role)]

    place, entries = log.append(
        conversation_id,
        caller.user_id,
        require=require,
        drafts=lambda _place, _seq: [Draft(MEMBER_UPDATED, caller.user_id, views.member_ref(changed[0]))],
        stage=lambda transaction, _place, _seq: store.stage_role(transaction, changed[0]),
    )
    publish.committed(place, entries)
    return changed[0]


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
