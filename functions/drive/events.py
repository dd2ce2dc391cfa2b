"""What the drive tells: how the inspection of a file ended."""

from __future__ import annotations

from drive.schemas import File
from log.api import EventType, register

register(EventType("file.ready", data=File, durable=False), EventType("file.rejected", data=File, durable=False))
