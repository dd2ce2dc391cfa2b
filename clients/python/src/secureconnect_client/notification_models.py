"""Notifications, push devices, and preferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PushDevice:
    """A device that receives pushes, as long as its session lasts."""

    device_id: str = ""
    platform: str = ""
    provider: str = ""
    app_version: str | None = None
    locale: str | None = None
    voip: bool = False
    current: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationPreferences:
    """A person's preferences.

    `quiet_hours` is `{"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"}` or None.
    """

    messages: Literal["all", "mentions", "none"] = "all"
    mentions: bool = True
    calls: bool = True
    polls: bool = True
    files: bool = True
    quiet_hours: Mapping[str, str] | None = None
    show_preview: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """An entry of the in-app list.

    `text` says what happened, without content; `reference` has further ids.
    """

    id: str = ""
    kind: str = ""
    conversation_id: str | None = None
    message_id: str | None = None
    actor_id: str | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    at: datetime | None = None
    read: bool = False


@dataclass(frozen=True, slots=True)
class NotificationPage:
    """A page of the list, newest first, and the total number of unread notifications."""

    items: tuple[Notification, ...]
    next_cursor: str | None
    unread_count: int
