"""Appending to a conversation's log as a member, and plans that change what the conversation is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import conversations.events  # noqa: F401 - what is appended here
from conversations import erasure, store
from conversations.model import ConversationInfo, MemberContext
from conversations.publish import publish_alone, publish_events
from kernel import clock
from kernel.dynamo import Transaction
from log import api as log
from log.model import Event, NewEvent
from realtime.api import NOTHING, Beside


def append(
    conversation_id: str,
    user_id: str,
    plan: Callable[[MemberContext], log.AppendPlan],
    *,
    load: Callable[[str, str], MemberContext] = store.context,
) -> tuple[MemberContext, list[Event]]:
    """`log.append` for a member. `load` is another one for who is about to be a member, for the platform itself
    (`system_context`), and for who reads more with the context (`ContextLoader`)."""
    return log.append(conversation_id, user_id, plan, load=load)


def append_and_publish(
    conversation_id: str,
    user_id: str,
    plan: Callable[[MemberContext], log.AppendPlan],
    *,
    load: Callable[[str, str], MemberContext] = store.context,
    beside: Callable[[MemberContext], Beside] | None = None,
) -> tuple[MemberContext, list[Event]]:
    """Append what many people may want at once, and publish it; see `log.append` for what such a plan has to bear.

    `beside` goes with it, and alone where somebody else has committed and published it.
    """

    def publish(context: MemberContext, events: Sequence[Event]) -> None:
        goes_with = NOTHING if beside is None else beside(context)
        if events:
            publish_events(context, events, beside=goes_with)
        elif beside is not None:
            publish_alone(context, goes_with)

    return log.append(conversation_id, user_id, plan, load=load, publish=publish)


def with_info(
    context: MemberContext,
    info: ConversationInfo,
    events: Sequence[NewEvent],
    stage: Callable[[Transaction], None] | None = None,
) -> log.AppendPlan:
    """A plan that also replaces the conversation's info."""

    def stage_all(transaction: Transaction) -> None:
        store.stage_info(transaction, info)
        if stage is not None:
            stage(transaction)

    return log.AppendPlan(events, stage_all, replace(context, info=info))


def ending(
    context: MemberContext,
    info: ConversationInfo,
    events: Sequence[NewEvent],
    stage: Callable[[Transaction], None] | None = None,
) -> log.AppendPlan:
    """A plan that ends the conversation. It is erased after a minute, when its fan-out has told its members."""

    def stage_all(transaction: Transaction) -> None:
        erasure.of_conversation(context.conversation_id).stage(transaction)
        if stage is not None:
            stage(transaction)

    return with_info(context, replace(info, deleted_at=clock.now()), events, stage_all)
