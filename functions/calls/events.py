"""The ephemeral event types of calls, and reactions to lost access and erased conversations."""

from __future__ import annotations

from typing import Any

from calls import call_events
from conversations.api import Eraser, register_eraser
from log.api import ContactChanged, ConversationLost, EventType, SessionsLost, on_loss, register


def _dismiss_former_members(loss: ConversationLost) -> None:
    from calls import lost_access

    lost_access.dismiss_former_members(loss)


def _dismiss_sessions(loss: SessionsLost) -> None:
    from calls import lost_access

    lost_access.dismiss_sessions(loss)


def _end_blocked_call(change: ContactChanged) -> None:
    from calls import lost_access

    lost_access.end_blocked_call(change)


for _name in (call_events.RINGING, call_events.UPDATED, call_events.ANSWERED_ELSEWHERE, call_events.ENDED):
    register(EventType(_name, data="calls.schemas.CallOut", durable=False))
register(EventType(call_events.SIGNAL, data="calls.schemas.SignalEvent", durable=False))
on_loss(ConversationLost, "calls", _dismiss_former_members)
on_loss(SessionsLost, "calls", _dismiss_sessions)
on_loss(ContactChanged, "calls", _end_blocked_call)


def _erase(conversation_id: str, cursor: Any) -> Any:
    from calls import store

    return store.erase_index(conversation_id)


register_eraser(Eraser("calls", _erase))
