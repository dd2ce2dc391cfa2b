"""What notifications tell, entries of people's lists to their live sockets, and what they follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conversations.api import Eraser, register_eraser
from conversations.model import CONVERSATION_CREATED, MEMBER_ADDED
from log.api import ConversationLost, EventType, SessionsLost, on_loss, register, subscribe
from log.model import MESSAGE_CREATED, Event
from messages.model import REACTION_ADDED
from notifications.schemas import Notification

NOTIFICATION = "notification"
# What of an event's data says whom it concerns: ids, and no content.
_WHOM = ("id", "type", "mentions", "everyone", "reply_to", "thread_root", "user_id", "message_id")


def _whom(event: Event) -> Mapping[str, Any]:
    found = {name: event.data[name] for name in _WHOM if name in event.data}
    if found.get("type") == "call" and (call_id := event.data.get("metadata", {}).get("call_id")):
        found["metadata"] = {"call_id": call_id}
    return found


def _follow(events: Sequence[Event]) -> None:
    from notifications import occurrences, telling

    for event in events:
        for what, to in occurrences.of_event(event):
            telling.tell(what, to=to)


register(EventType(NOTIFICATION, data=Notification, durable=False))
for _type in (MESSAGE_CREATED, REACTION_ADDED, MEMBER_ADDED, CONVERSATION_CREATED):
    subscribe(_type, _follow, queue="follow", carries=_whom)


def _erase(conversation_id: str, cursor: Any) -> Any:
    from notifications import alert_store

    return alert_store.erase(conversation_id)


register_eraser(Eraser("notifications", _erase))


def _of_conversation(loss: ConversationLost) -> None:
    from notifications import telling

    telling.of_conversation(loss)


def _of_sessions(loss: SessionsLost) -> None:
    from notifications import service

    service.of_sessions(loss)


on_loss(ConversationLost, "pushes", _of_conversation)
on_loss(SessionsLost, "pushes", _of_sessions)
