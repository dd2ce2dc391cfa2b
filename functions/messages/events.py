"""Registers the events of messages, the previews of conversations, erasure, jobs, and handlers of losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conversations.api import Eraser, register_eraser, register_messages
from kernel import after_commit
from log.api import (
    AccountLost,
    ContactChanged,
    ConversationLost,
    EventType,
    Rendering,
    on_loss,
    register,
)
from log.model import MESSAGE_CREATED, Event
from messages import model
from realtime.api import Job, register_job


def _keys(events: Sequence[Event], rendering: Rendering) -> Any:
    from messages import views

    return views.message_keys(events, rendering)


def _render(events: Sequence[Event], rendering: Rendering) -> Any:
    from messages import views

    return views.messages_for_viewers(events, rendering)


def _differs(event: Event, messages: Sequence[Event]) -> bool:
    from messages import views

    return views.differs(event, messages)


def _previews() -> Any:
    from messages import previews

    return previews


def _typing_over(job: Job) -> None:
    from messages import typing_notice

    typing_notice.on_job(job)


def _receipts(job: Job) -> None:
    from messages import receipts

    receipts.notify(conversation_id=job["conversation_id"], user_ids=job["user_ids"])


def _erase(conversation_id: str, cursor: Any) -> Any:
    from messages import clearing

    return clearing.erase_page(conversation_id, cursor)


def _erase_drafts(conversation_id: str, user_ids: Sequence[str]) -> None:
    from messages import clearing

    clearing.erase_drafts(conversation_id, user_ids)


def _forget_reactions(work: after_commit.Work) -> None:
    from messages import reactions_store

    reactions_store.erase(work["conversation_id"], work["seq"])


def _typing_lost(loss: ConversationLost) -> None:
    from messages import typing_notice

    typing_notice.of_conversation(loss)


def _typing_apart(change: ContactChanged) -> None:
    from messages import typing_notice

    typing_notice.of_contact(change)


def _drafts_lost(loss: ConversationLost) -> None:
    from messages import drafts

    drafts.of_conversation(loss)


def _scheduled_lost(loss: ConversationLost) -> None:
    from messages import scheduled

    scheduled.of_conversation(loss)


def _scheduled_of_account(loss: AccountLost) -> None:
    from messages import scheduled

    scheduled.of_account(loss)


def _scheduled_apart(change: ContactChanged) -> None:
    from messages import scheduled

    scheduled.of_contact(change)


for _name, _specific in (
    (MESSAGE_CREATED, _differs),
    (model.MESSAGE_UPDATED, _differs),
    (model.MESSAGE_DELETED, False),
):
    register(EventType(_name, data="messages.schemas.Message", render=_render, keys=_keys, viewer_specific=_specific))
register(
    EventType(model.REACTION_ADDED, data="messages.schemas.ReactionEvent"),
    EventType(model.REACTION_REMOVED, data="messages.schemas.ReactionEvent"),
    EventType("receipt.updated", data="messages.schemas.Receipt", durable=False),
    EventType("draft.updated", data="messages.schemas.DraftOut", durable=False),
    EventType("scheduled.failed", data="messages.scheduled_schemas.Scheduled", durable=False),
    EventType("typing", data="messages.schemas.TypingOut", durable=False),
)
register_messages(_previews)
register_eraser(Eraser("messages", _erase, erase_of_members=_erase_drafts))
register_job("typing_over", _typing_over, queue="receipts")
register_job("receipts", _receipts, queue="receipts")
on_loss(ConversationLost, "typing", _typing_lost)
on_loss(ContactChanged, "typing", _typing_apart)
on_loss(ConversationLost, "drafts", _drafts_lost)
on_loss(ConversationLost, "scheduled", _scheduled_lost)
on_loss(AccountLost, "scheduled", _scheduled_of_account)
on_loss(ContactChanged, "scheduled", _scheduled_apart)
after_commit.register(model.FORGET_REACTIONS, _forget_reactions)
