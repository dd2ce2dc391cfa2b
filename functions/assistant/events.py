"""The events of streamed answers, and the subscriptions of the index of embeddings and of groups' policies."""

from __future__ import annotations

from collections.abc import Sequence

from conversations.api import Eraser, register_eraser
from conversations.model import CONVERSATION_UPDATED
from kernel.late import late
from kernel.personal_data import register_personal
from log.api import EventType, register, subscribe
from log.model import MESSAGE_CREATED, Event, readable


def _index(events: Sequence[Event]) -> None:
    from assistant import meaning_index

    meaning_index.index((event.conversation_id, event.seq) for event in events)


def _review(events: Sequence[Event]) -> None:
    from assistant import policies

    policies.review((event.conversation_id, event.seq) for event in events)


def _apply_settings(events: Sequence[Event]) -> None:
    from assistant import meaning_index

    meaning_index.apply_settings(event.conversation_id for event in events)


register(
    EventType("ai.delta", data="assistant.schemas.Delta", durable=False),
    EventType("ai.done", data="assistant.schemas.Done", durable=False),
)
subscribe(MESSAGE_CREATED, _index, queue="meaning", changes=True, where=readable)
subscribe(CONVERSATION_UPDATED, _apply_settings, queue="meaning")
subscribe(MESSAGE_CREATED, _review, queue="moderation", changes=True, where=readable)
register_eraser(Eraser("assistant", late("assistant.meaning_store.erase"), derived=True))
register_personal("ai_settings", late("assistant.own_data.settings"))
