"""What invitations tell: requests to join, to those who decide them."""

from __future__ import annotations

from invitations.schemas import JoinRequestOut
from log.api import EventType, register

register(
    EventType("join_request.created", data=JoinRequestOut, durable=False),
    EventType("join_request.updated", data=JoinRequestOut, durable=False),
)
