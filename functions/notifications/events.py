"""The event for new list items on live sockets, and the notifications' subscriptions to the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conversations.api import Eraser, register_eraser
from conversations.model import CONVERSATION_CREATED, MEMBER_ADDED
from kernel.late import late
from kernel.personal_data import register_personal
from log.api import ConversationLost, EventType, SessionsLost, on_loss, register, subscribe
from log.model import MESSAGE_CREATED, Event
from messages.model import REACTION_ADDED

NOTIFICATION = "notification"
# The fields of an event that decide who is notified: ids, no content.
_ROUTING_FIELDS = ("id", "type", "mentions", "everyone", "reply_to", "thread_root", "user_id", "message_id")


def _routing_data(event: Event) -> Mapping[str, Any]:
    found = {name: event.data[name] for name in _ROUTING_FIELDS if name in event.data}
    if found.get("type") == "call" and (call_id := event.data.get("metadata", {}).get("call_id")):
        found["metadata"] = {"call_id": call_id}
    return found


def _follow(events: Sequence[Event]) -> None:
    from notifications import notifier, occurrences

    for (_, to), found in occurrences.of_events(events).items():
        notifier.notify(found, to=to)


register(EventType(NOTIFICATION, data="notifications.schemas.Notification", durable=False))
for _type in (MESSAGE_CREATED, REACTION_ADDED, MEMBER_ADDED, CONVERSATION_CREATED):
    subscribe(_type, _follow, queue="follow", carries=_routing_data)


register_eraser(Eraser("notifications", late("notifications.alert_store.erase")))
on_loss(ConversationLost, "pushes", late("notifications.alert_updates.drop_alerts"))
on_loss(SessionsLost, "pushes", late("notifications.service.forget_devices_of"))
register_personal("notifications", late("notifications.own_data.notifications"))
register_personal("notification_preferences", late("notifications.own_data.preferences"))
register_personal("push_devices", late("notifications.own_data.devices"))
