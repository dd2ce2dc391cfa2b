"""Routes of notifications (contract §10)."""

from __future__ import annotations

from datetime import time
from typing import Any

from accounts.api import authenticate
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from kernel.schema import Paging, require_given_id
from notifications import schemas, service
from notifications.model import NoticePreferences, PushEndpoint, QuietHours

REGISTER = Limit("register_device", requests=60, window_s=3_600)

app = App("notifications", authenticate=authenticate)


@app.put("/devices/{device_id}", body=schemas.PushDeviceFields, returns=schemas.PushDevice, limits=[REGISTER])
def register_push_device(caller: Caller, device_id: str, body: schemas.PushDeviceFields) -> Any:
    """Send pushes to a device until its session ends; a token belongs to the device that registered it last."""
    given = body.subscription
    subscription = None if given is None else PushEndpoint(given.endpoint, given.keys.p256dh, given.keys.auth)
    return service.register(
        caller=caller,
        device_id=require_given_id("device_id", device_id),
        subscription=subscription,
        **body.model_dump(exclude={"subscription"}),
    )


@app.delete("/devices/{device_id}", status=204)
def unregister_push_device(caller: Caller, device_id: str) -> None:
    """Send no more pushes to a device."""
    service.unregister(caller=caller, device_id=device_id)


@app.get("/devices", query=Paging, returns=schemas.PushDeviceList)
def list_push_devices(caller: Caller, query: Paging) -> Any:
    """The caller's devices, the last registered first: at most 25."""
    return service.devices(caller=caller, limit=query.limit, cursor=query.cursor)


@app.get("/devices/webpush-key", public=True, returns=schemas.WebPushKey)
def web_push_key() -> Any:
    """The VAPID public key that browsers subscribe with."""
    from notifications import vapid

    return {"application_server_key": vapid.application_server_key()}


@app.get("/notifications/preferences", returns=schemas.NotificationPreferences)
def get_notification_preferences(caller: Caller) -> Any:
    """The caller's notification preferences."""
    return _preferences(service.preferences(caller=caller))


@app.put(
    "/notifications/preferences", body=schemas.NotificationPreferencesFields, returns=schemas.NotificationPreferences
)
def change_notification_preferences(caller: Caller, body: schemas.NotificationPreferencesFields) -> Any:
    """Change the given preferences; others stay as they are."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    if changes.get("quiet_hours") is not None:
        given = changes["quiet_hours"]
        changes["quiet_hours"] = QuietHours(
            time.fromisoformat(given.from_), time.fromisoformat(given.to), given.timezone
        )
    return _preferences(service.change_preferences(caller=caller, changes=changes))


@app.get("/notifications", query=Paging, returns=schemas.NotificationList)
def list_notifications(caller: Caller, query: Paging) -> Any:
    """The caller's notifications of the last 90 days, newest first."""
    page, unread = service.list_notices(caller=caller, limit=query.limit, cursor=query.cursor)
    return {"items": page.items, "next_cursor": page.next_cursor, "unread_count": unread}


@app.post("/notifications/read", body=schemas.ReadUpTo, returns=schemas.UnreadCount)
def read_notifications(caller: Caller, body: schemas.ReadUpTo) -> Any:
    """Mark a notification and all older ones as read."""
    return {"unread_count": service.mark_read(caller=caller, up_to=body.up_to)}


def _preferences(preferences: NoticePreferences) -> dict[str, Any]:
    hours = preferences.quiet_hours
    return {
        "messages": preferences.messages,
        "mentions": preferences.mentions,
        "calls": preferences.calls,
        "polls": preferences.polls,
        "files": preferences.files,
        "quiet_hours": None
        if hours is None
        else {
            "from_": hours.begins.isoformat("minutes"),
            "to": hours.ends.isoformat("minutes"),
            "timezone": hours.timezone,
        },
        "show_preview": preferences.show_preview,
    }
