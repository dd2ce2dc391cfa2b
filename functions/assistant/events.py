"""What the assistant tells: its answers as they are written."""

from __future__ import annotations

from assistant.schemas import Delta, Done
from log.api import EventType, register

register(EventType("ai.delta", data=Delta, durable=False), EventType("ai.done", data=Done, durable=False))
