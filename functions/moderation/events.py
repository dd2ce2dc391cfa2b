"""What moderation tells: reports, to those who decide them."""

from __future__ import annotations

from log.api import EventType, register
from moderation.schemas import ReportOut

register(
    EventType("report.created", data=ReportOut, durable=False),
    EventType("report.updated", data=ReportOut, durable=False),
)
