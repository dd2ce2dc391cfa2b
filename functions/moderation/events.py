"""Moderation's ephemeral events, sent to the admins who decide reports, and its part in erasing a conversation."""

from __future__ import annotations

from typing import Any

from conversations.api import Eraser, register_eraser
from log.api import EventType, register

register(
    EventType("report.created", data="moderation.schemas.ReportOut", durable=False),
    EventType("report.updated", data="moderation.schemas.ReportOut", durable=False),
)


def _erase(conversation_id: str, cursor: Any) -> Any:
    from moderation import store

    return store.erase(conversation_id)


register_eraser(Eraser("moderation", _erase))
