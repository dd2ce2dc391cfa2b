"""Appending to a conversation's log as a member, and plans that change the conversation's info."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import conversations.events  # noqa: F401 - registers the event types
from conversations import erasure, store
from conversations.model import ConversationInfo, MemberContext
from conversations.publish import publish_events, publish_extra
from kernel import clock
from kernel.transactions import Transaction
from log import api as log
from log.model import Event, NewEvent
from realtime.api import NO_EXTRA, NONE_KNOWN, Connection, ExtraFrames


def append(
    conversation_id: str,
    user_id: str,
    plan: Callable[[MemberContext], log.AppendPlan],
    *,
    load: Callable[[str, str], MemberContext] = store.context,
) -> tuple[MemberContext, list[Event]]:
    """`log.append` for a member. Other values of `load` are for a future member, for the platform (`system_context`),
    and for reading more records with the context (`ContextLoader`)."""
    return log.append(conversation_id, user_id, plan, load=load)


def append_and_publish(
    conversation_id: str,
    user_id: str,
    plan: Callable[[MemberContext], log.AppendPlan],
    *,
    load: Callable[[str, str], MemberContext] = store.context,
    extra: Callable[[MemberContext], ExtraFrames] | None = None,
    sockets: Mapping[str, Sequence[Connection]] = NONE_KNOWN,
) -> tuple[MemberContext, list[Event]]:
    """Append with a transaction that may be shared, and publish; `log.append` says what such a plan must allow.

    `extra` frames are published with the events, or alone if another writer has published these. `sockets` are those
    that `load` reads with the context.
    """

    def publish(context: MemberContext, events: Sequence[Event]) -> None:
        frames = NO_EXTRA if extra is None else extra(context)
        if events:
            publish_events(context, events, extra=frames, sockets=sockets)
        elif extra is not None:
            publish_extra(context, frames)

    return log.append(conversation_id, user_id, plan, load=load, publish=publish)


def with_info(
    context: MemberContext,
    info: ConversationInfo,
    events: Sequence[NewEvent],
    stage: Callable[[Transaction], None] | None = None,
) -> log.AppendPlan:
    """An append plan that also replaces the conversation's info."""

    def stage_all(transaction: Transaction) -> None:
        store.stage_info(transaction, info)
        if stage is not None:
            stage(transaction)

    return log.AppendPlan(events, stage_all, replace(context, info=info))


def with_deletion(
    context: MemberContext,
    info: ConversationInfo,
    events: Sequence[NewEvent],
    stage: Callable[[Transaction], None] | None = None,
) -> log.AppendPlan:
    """An append plan that deletes the conversation. It is erased after a minute, when the fan-out is done."""

    def stage_all(transaction: Transaction) -> None:
        erasure.of_conversation(context.conversation_id).stage(transaction)
        if stage is not None:
            stage(transaction)

    return with_info(context, replace(info, deleted_at=clock.now()), events, stage_all)
