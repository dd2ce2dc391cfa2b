"""What calls tell. Hints: whoever misses one sees the call in `sync` and in GET /calls/{id}."""

from __future__ import annotations

from calls import call_events
from calls.schemas import CallOut, SignalEvent
from log.api import EventType, register

for _name in (call_events.RINGING, call_events.UPDATED, call_events.ANSWERED_ELSEWHERE, call_events.ENDED):
    register(EventType(_name, data=CallOut, durable=False))
register(EventType(call_events.SIGNAL, data=SignalEvent, durable=False))
