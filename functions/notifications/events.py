"""What notifications tell: entries of people's lists, to their live sockets."""

from __future__ import annotations

from log.api import EventType, register
from notifications.schemas import Notification

NOTIFICATION = "notification"
register(EventType(NOTIFICATION, data=Notification, durable=False))
