"""How people become members of a group: added by others, or coming in by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from conversations import door_store, log, publish, store, views
from conversations.door_store import Doorway
from conversations.entries import MEMBER_ADDED, Draft
from conversations.model import MAX_MEMBERS, Member, Place
from kernel import clock
from kernel.dynamo import Transaction
from kernel.errors import Conflict


def has_room_for(place: Place, count: int) -> bool:
    return place.profile.member_count + count <= MAX_MEMBERS


def plan(
    place: Place, user_ids: Sequence[str], *, actor_id: str, also: Callable[[Transaction], None] | None = None
) -> log.Plan:
    """Make people members, who must not be yet; `also` stages what happens with it."""
    whole = place.profile.settings.history_visible
    now = clock.now()
    new = [
        Member(place.conversation_id, user_id, "member", now, visible_from=1 if whole else place.next_seq + n)
        for n, user_id in enumerate(user_ids)
    ]

    def stage(transaction: Transaction) -> None:
        for member in new:
            store.stage_member(transaction, member)
        if also is not None:
            also(transaction)

    events = [Draft(MEMBER_ADDED, actor_id, views.member_ref(member)) for member in new]
    return log.Plan(events, stage, place.profile.with_new(user_ids))


def plan_one(
    place: Place, user_id: str, *, actor_id: str, also: Callable[[Transaction], None] | None = None
) -> log.Plan:
    """The same for one person who wanted it; raises Conflict `group_full`."""
    if not has_room_for(place, 1):
        raise Conflict(f"This group has its {MAX_MEMBERS} members.", code="group_full")
    return plan(place, [user_id], actor_id=actor_id, also=also)


def enter(
    conversation_id: str,
    user_id: str,
    host_id: str,
    *,
    admit: Callable[[Doorway], None],
    also: Callable[[Transaction], None],
) -> tuple[Place, bool]:
    """Let somebody come in by themselves; their place, and whether they are new.

    `admit` decides about who is no member yet, and raises to refuse; `also` stages what happens with it. Raises
    NotFound if the conversation is gone, Conflict `group_full`, Cancelled when a condition of `also` fails, or
    `ban` if they are banned by now.
    """
    found: list[Doorway] = []

    def find(conversation_id: str, user_id: str) -> Place:
        found[:] = [door_store.doorway(conversation_id, user_id, host_id)]
        return found[0].place

    def planned(place: Place) -> log.Plan:
        if found[0].is_member:
            return log.Plan([])
        admit(found[0])
        return plan_one(place, user_id, actor_id=user_id, also=stage)

    def stage(transaction: Transaction) -> None:
        door_store.stage_no_ban(transaction, conversation_id, user_id)
        also(transaction)

    place, entries = log.append(conversation_id, user_id, planned, find=find)
    if not entries:
        return place, False
    whole, joined = place.profile.settings.history_visible, entries[0]
    member = replace(place.member, joined_at=joined.data["joined_at"], visible_from=1 if whole else joined.seq)
    place = replace(place, member=member)
    publish.committed(place, entries)
    return place, True
