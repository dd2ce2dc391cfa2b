"""Devices, preferences and the in-app list: what the client asks, and what it makes of the answers."""

from __future__ import annotations

import json

from secureconnect_client.events import NotificationAdded, parse_event
from tests.unit.client.answering import asked
from tests.unit.client.carriers import in_loop

ITEM = {"id": "ntf_1", "kind": "mention", "text": "Ada mentioned you.", "at": "2026-11-28T18:00:00.000Z", "read": False}


@in_loop
async def test_a_browser_is_registered_with_its_subscription() -> None:
    subscription = {"endpoint": "https://push.example/1", "keys": {"p256dh": "p", "auth": "a"}}
    request, device = await asked(
        lambda client: client.devices.register_web_push("laptop", subscription),
        {"device_id": "laptop", "platform": "web", "provider": "webpush", "current": True},
    )
    assert (request.method, request.url.path) == ("PUT", "/v1/devices/laptop")
    assert json.loads(request.content) == {"platform": "web", "provider": "webpush", "subscription": subscription}
    assert (device.device_id, device.current) == ("laptop", True)


@in_loop
async def test_the_list_tells_how_many_are_unread() -> None:
    request, page = await asked(
        lambda client: client.notifications.list(limit=1), {"items": [ITEM], "next_cursor": "on", "unread_count": 3}
    )
    assert dict(request.url.params) == {"limit": "1"}
    assert ([each.kind for each in page.items], page.next_cursor, page.unread_count) == (["mention"], "on", 3)


def test_a_notification_on_the_socket_is_an_entry_of_the_list() -> None:
    event = parse_event({"type": "notification", "at": ITEM["at"], "data": ITEM})
    assert isinstance(event, NotificationAdded)
    assert event.notification.kind == "mention"


@in_loop
async def test_preferences_are_changed_field_by_field() -> None:
    request, wishes = await asked(
        lambda client: client.notifications.update_preferences(messages="none", quiet_hours=None),
        {"messages": "none", "mentions": True},
    )
    assert json.loads(request.content) == {"messages": "none", "quiet_hours": None}
    assert (wishes.messages, wishes.quiet_hours) == ("none", None)
