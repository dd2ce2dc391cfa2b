"""How people become members of a group: added by a member, or joining by an invitation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from conversations import ban_store, plans, publish, store, views
from conversations.ban_store import JoinContext
from conversations.model import MAX_MEMBERS, MEMBER_ADDED, Member, MemberContext
from kernel import clock
from kernel.errors import Conflict
from kernel.transactions import Transaction
from log import api as log
from log.model import NewEvent


def has_room_for(context: MemberContext, count: int) -> bool:
    return context.info.member_count + count <= MAX_MEMBERS


def plan(
    context: MemberContext, user_ids: Sequence[str], *, actor_id: str, also: Callable[[Transaction], None] | None = None
) -> log.AppendPlan:
    """Plan to add people who are not members yet; `also` stages further writes of the transaction."""
    whole = context.info.settings.history_visible
    now = clock.now()
    new = [
        Member(context.conversation_id, user_id, "member", now, visible_from=1 if whole else context.next_seq + n)
        for n, user_id in enumerate(user_ids)
    ]

    def stage(transaction: Transaction) -> None:
        for member in new:
            store.stage_member(transaction, member)
        if also is not None:
            also(transaction)

    events = [NewEvent(MEMBER_ADDED, actor_id, views.member_ref(member)) for member in new]
    return plans.with_info(context, context.info.with_new(user_ids), events, stage)


def plan_join(
    context: MemberContext, user_id: str, *, actor_id: str, also: Callable[[Transaction], None] | None = None
) -> log.AppendPlan:
    """Plan to add one person who asked to join; raises Conflict `group_full`."""
    if not has_room_for(context, 1):
        raise Conflict(f"This group has its {MAX_MEMBERS} members.", code="group_full")
    return plan(context, [user_id], actor_id=actor_id, also=also)


def join(
    conversation_id: str,
    user_id: str,
    inviter_id: str,
    *,
    admit: Callable[[JoinContext], None],
    also: Callable[[Transaction], None],
) -> tuple[MemberContext, bool]:
    """Join a group by an invitation; returns the person's context, and whether they are a new member.

    `admit` raises to refuse somebody who is not a member yet; `also` stages further writes of the transaction. Raises
    NotFound if the conversation was deleted, Conflict `group_full`, Cancelled if a condition of `also` fails or (label
    `ban`) the person has been banned meanwhile.
    """
    found: list[JoinContext] = []

    def load(conversation_id: str, user_id: str) -> MemberContext:
        found[:] = [ban_store.join_context(conversation_id, user_id, inviter_id)]
        return found[0].context

    def planned(context: MemberContext) -> log.AppendPlan:
        if found[0].is_member:
            return log.AppendPlan([])
        admit(found[0])
        return plan_join(context, user_id, actor_id=user_id, also=stage)

    def stage(transaction: Transaction) -> None:
        ban_store.stage_no_ban(transaction, conversation_id, user_id)
        also(transaction)

    context, events = plans.append(conversation_id, user_id, planned, load=load)
    if not events:
        return context, False
    whole, joined = context.info.settings.history_visible, events[0]
    member = replace(context.member, joined_at=joined.data["joined_at"], visible_from=1 if whole else joined.seq)
    context = replace(context, member=member)
    publish.publish_events(context, events)
    return context, True
