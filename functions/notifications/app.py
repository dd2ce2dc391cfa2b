"""Routes of notifications (contract §10)."""

from __future__ import annotations

from datetime import time
from typing import Any

from accounts.api import authenticate
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from kernel.schema import Paging
from notifications import schemas, service
from notifications.model import NoticePreferences, PushEndpoint, QuietHours

REGISTER = Limit("register_device", requests=60, window_s=3_600)

app = App("notifications", authenticate=authenticate)


@app.put("/devices/{device_id}", body=schemas.PushDeviceFields, returns=schemas.PushDevice, limits=[REGISTER])
def register_push_device(caller: Caller, device_id: str, body: schemas.PushDeviceFields) -> Any:
    """Have pushes sent to a device until its session ends; a token belongs to the last who registered it."""
    given = body.subscription
    subscription = None if given is None else PushEndpoint(given.endpoint, given.keys.p256dh, given.keys.auth)
    return service.register(
        caller=caller,
        device_id=device_id,
        subscription=subscription,
        **body.model_dump(exclude={"subscription"}),
    )


@app.delete("/devices/{device_id}", status=204)
def unregister_push_device(caller: Caller, device_id: str) -> None:
    """Send a device nothing more."""
    service.unregister(caller=caller, device_id=device_id)


@app.get("/devices", query=Paging, returns=schemas.PushDeviceList)
def list_push_devices(caller: Caller, query: Paging) -> Any:
    """The caller's devices, the one registered last first: at most 25, so there is one page."""
    return service.devices(caller=caller, cursor=query.cursor)


@app.get("/devices/webpush-key", public=True, returns=schemas.WebPushKey)
def web_push_key() -> Any:
    """The key that browsers subscribe with."""
    from notifications import vapid

    return {"application_server_key": vapid.application_server_key()}


@app.get("/notifications/preferences", returns=schemas.NotificationPreferences)
def get_notification_preferences(caller: Caller) -> Any:
    """What the caller is told of by push."""
    return _preferences(service.preferences(caller=caller))


@app.put(
    "/notifications/preferences", body=schemas.NotificationPreferencesFields, returns=schemas.NotificationPreferences
)
def change_notification_preferences(caller: Caller, body: schemas.NotificationPreferencesFields) -> Any:
    """Choose what to be told of; what is left out stays as it is."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    if changes.get("quiet_hours") is not None:
        given = changes["quiet_hours"]
        changes["quiet_hours"] = QuietHours(
            time.fromisoformat(given.from_), time.fromisoformat(given.to), given.timezone
        )
    return _preferences(service.change_preferences(caller=caller, changes=changes))


@app.get("/notifications", query=Paging, returns=schemas.NotificationList)
def list_notifications(caller: Caller, query: Paging) -> Any:
    """What the caller was told of in the last 90 days, newest first."""
    page, unread = service.list_notices(caller=caller, limit=query.limit, cursor=query.cursor)
    return {"items": page.items, "next_cursor": page.next_cursor, "unread_count": unread}


@app.post("/notifications/read", body=schemas.ReadUpTo, returns=schemas.UnreadCount)
def read_notifications(caller: Caller, body: schemas.ReadUpTo) -> Any:
    """Mark a notification and all before it as read."""
    return {"unread_count": service.mark_read(caller=caller, up_to=body.up_to)}


def _preferences(wishes: NoticePreferences) -> dict[str, Any]:
    hours = wishes.quiet_hours
    return {
        "messages": wishes.messages,
        "mentions": wishes.mentions,
        "calls": wishes.calls,
        "polls": wishes.polls,
        "files": wishes.files,
        "quiet_hours": None
        if hours is None
        else {
            "from_": hours.begins.isoformat("minutes"),
            "to": hours.ends.isoformat("minutes"),
            "timezone": hours.timezone,
        },
        "show_preview": wishes.show_preview,
    }
