"""What the assistant tells, its answers as they are written, and what its index of meaning and policies of
groups follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assistant.schemas import Delta, Done
from conversations.api import Eraser, register_eraser
from conversations.model import CONVERSATION_UPDATED
from log.api import EventType, register, subscribe
from log.model import MESSAGE_CREATED, Event


def _index(events: Sequence[Event]) -> None:
    from assistant import meaning_index

    meaning_index.index((event.conversation_id, event.seq) for event in events)


def _look_at(events: Sequence[Event]) -> None:
    from assistant import policies

    policies.look_at((event.conversation_id, event.seq) for event in events)


def _follow_switch(events: Sequence[Event]) -> None:
    from assistant import meaning_index

    meaning_index.follow_switch(event.conversation_id for event in events)


register(EventType("ai.delta", data=Delta, durable=False), EventType("ai.done", data=Done, durable=False))
subscribe(MESSAGE_CREATED, _index, queue="meaning", changes=True)
subscribe(CONVERSATION_UPDATED, _follow_switch, queue="meaning")
subscribe(MESSAGE_CREATED, _look_at, queue="moderation", changes=True)


def _erase(conversation_id: str, cursor: Any) -> Any:
    from assistant import meaning_store

    return meaning_store.erase(conversation_id)


register_eraser(Eraser("assistant", _erase, derived=True))
