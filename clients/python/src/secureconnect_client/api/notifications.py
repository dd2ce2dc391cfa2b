"""Notifications: push devices, preferences, the in-app list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secureconnect_client.api.base import Routes, given
from secureconnect_client.decoding import decode, decode_all
from secureconnect_client.http import segment
from secureconnect_client.models import Page
from secureconnect_client.notification_models import (
    Notification,
    NotificationPage,
    NotificationPreferences,
    PushDevice,
)


class PushDevices(Routes):
    async def register_fcm(
        self,
        device_id: str,
        token: str,
        *,
        platform: str = "android",
        app_version: str | None = None,
        locale: str | None = None,
        voip: bool | None = None,
    ) -> PushDevice:
        """Receive pushes by Firebase until this session ends. `voip`: calls come as Apple VoIP pushes."""
        body = given(
            platform=platform, provider="fcm", token=token, app_version=app_version, locale=locale, voip=voip
        )
        return await self._register(device_id, body)

    async def register_web_push(
        self,
        device_id: str,
        subscription: Mapping[str, Any],
        *,
        platform: str = "web",
        locale: str | None = None,
    ) -> PushDevice:
        """Receive pushes by a browser's push service; `subscription` is its `PushSubscription.toJSON()`."""
        body = given(platform=platform, provider="webpush", subscription=dict(subscription), locale=locale)
        return await self._register(device_id, body)

    async def _register(self, device_id: str, body: Mapping[str, Any]) -> PushDevice:
        path = f"/devices/{segment(device_id)}"
        return decode(PushDevice, await self._client.request("PUT", path, json=body, retry=True))

    async def remove(self, device_id: str) -> None:
        """Stop pushes to a device."""
        await self._client.request("DELETE", f"/devices/{segment(device_id)}")

    async def list(self) -> Page[PushDevice]:
        return await self._page(PushDevice, "/devices")

    async def web_push_key(self) -> str:
        """The key with which browsers subscribe (`applicationServerKey`)."""
        answer = await self._client.request("GET", "/devices/webpush-key", auth=False)
        return str(answer["application_server_key"])


class Notifications(Routes):
    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> NotificationPage:
        """The notifications of the last 90 days, newest first."""
        params = given(limit=limit, cursor=cursor)
        answer = await self._client.request("GET", "/notifications", params=params)
        found = decode_all(Notification, answer["items"])
        return NotificationPage(found, answer.get("next_cursor"), int(answer["unread_count"]))

    async def mark_read(self, up_to: str) -> int:
        """Mark a notification and all earlier ones as read; returns how many are still unread."""
        return int((await self._post("/notifications/read", {"up_to": up_to}))["unread_count"])

    async def preferences(self) -> NotificationPreferences:
        answer = await self._client.request("GET", "/notifications/preferences")
        return decode(NotificationPreferences, answer)

    async def update_preferences(self, **changes: Any) -> NotificationPreferences:
        """Change any of messages, mentions, calls, polls, files, quiet_hours, show_preview."""
        answer = await self._client.request("PUT", "/notifications/preferences", json=changes, retry=True)
        return decode(NotificationPreferences, answer)
