"""Filters the events of calls, which come as frames and in every sync, in any order: a call must ring once.

A call only moves from ringing to active to ended. An earlier state than the known one is late, and an equal
one is a repetition; neither is delivered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from secureconnect_client.events import CallAnsweredElsewhere, CallEvent, CallRinging, Event, parse_event

MAX_KNOWN = 256  # calls remembered, those with the latest events
_ORDER = ("ringing", "active", "ended")


@dataclass(frozen=True, slots=True)
class _Known:
    rank: int
    content: str


class CallTracker:
    """The calls of which one device knows."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def is_new(self, event: Event) -> bool:
        """Whether an event is new; events of other kinds always are."""
        if not isinstance(event, CallEvent) or event.data.get("state") not in _ORDER:
            return True
        known = self._known.get(str(event.data.get("id")))
        news = self._is_news(event.data)
        if isinstance(event, CallRinging):
            return known is None
        return news or isinstance(event, CallAnsweredElsewhere)

    def new_events(self, calls: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
        """Events for changes among the live calls in the answer of a sync."""
        for call in calls:
            first = str(call.get("id")) not in self._known
            if call.get("state") in _ORDER and self._is_news(call):
                kind = "call.ringing" if first and call["state"] == "ringing" else "call.updated"
                yield parse_event({"type": kind, "data": call}, conversation_id=call.get("conversation_id"))

    def _is_news(self, call: Mapping[str, Any]) -> bool:
        key = str(call.get("id"))
        now = _Known(_ORDER.index(call["state"]), json.dumps(call, sort_keys=True))
        known = self._known.get(key)
        if known is not None and (now.rank < known.rank or now == known):
            return False
        self._known.pop(key, None)
        self._known[key] = now
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        return True
