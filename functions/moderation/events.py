"""Moderation's ephemeral events, sent to the admins who decide reports, and its part in erasing a conversation."""

from __future__ import annotations

from conversations.api import Eraser, register_eraser
from kernel.late import late
from kernel.personal_data import register_personal
from log.api import EventType, register

register(
    EventType("report.created", data="moderation.schemas.ReportOut", durable=False),
    EventType("report.updated", data="moderation.schemas.ReportOut", durable=False),
)
register_eraser(Eraser("moderation", late("moderation.store.erase")))
register_personal("reports", late("moderation.own_data.reports"))
