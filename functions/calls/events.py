"""The ephemeral event types of calls, and reactions to lost access and erased conversations."""

from __future__ import annotations

from calls import call_events
from conversations.api import Eraser, register_eraser
from kernel.late import late
from kernel.personal_data import register_personal
from log.api import ContactChanged, ConversationLost, EventType, SessionsLost, on_loss, register

for _name in (call_events.RINGING, call_events.UPDATED, call_events.ANSWERED_ELSEWHERE, call_events.ENDED):
    register(EventType(_name, data="calls.schemas.CallOut", durable=False))
register(EventType(call_events.SIGNAL, data="calls.schemas.SignalEvent", durable=False))
on_loss(ConversationLost, "calls", late("calls.lost_access.dismiss_former_members"))
on_loss(SessionsLost, "calls", late("calls.lost_access.dismiss_sessions"))
on_loss(ContactChanged, "calls", late("calls.lost_access.end_blocked_call"))
register_eraser(Eraser("calls", late("calls.store.erase_index")))
register_personal("calls", late("calls.own_data.calls"))
