"""What calls tell. Hints: whoever misses one sees the call in `sync` and in GET /calls/{id}."""

from __future__ import annotations

from typing import Any

from calls import call_events
from conversations.api import Eraser, register_eraser
from log.api import ContactChanged, ConversationLost, EventType, SessionsLost, on_loss, register


def _of_conversation(loss: ConversationLost) -> None:
    from calls import losing

    losing.of_conversation(loss)


def _of_sessions(loss: SessionsLost) -> None:
    from calls import losing

    losing.of_sessions(loss)


def _of_contact(change: ContactChanged) -> None:
    from calls import losing

    losing.of_contact(change)


for _name in (call_events.RINGING, call_events.UPDATED, call_events.ANSWERED_ELSEWHERE, call_events.ENDED):
    register(EventType(_name, data="calls.schemas.CallOut", durable=False))
register(EventType(call_events.SIGNAL, data="calls.schemas.SignalEvent", durable=False))
on_loss(ConversationLost, "calls", _of_conversation)
on_loss(SessionsLost, "calls", _of_sessions)
on_loss(ContactChanged, "calls", _of_contact)


def _erase(conversation_id: str, cursor: Any) -> Any:
    from calls import store

    return store.erase_listed(conversation_id)


register_eraser(Eraser("calls", _erase))
