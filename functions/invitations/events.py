"""Registers the frames about requests to join, and the erasure of invitations."""

from __future__ import annotations

from conversations.api import Eraser, register_eraser
from kernel.late import late
from log.api import EventType, register

register(
    EventType("join_request.created", data="invitations.schemas.JoinRequestOut", durable=False),
    EventType("join_request.updated", data="invitations.schemas.JoinRequestOut", durable=False),
)
register_eraser(Eraser("invitations", late("invitations.store.erase")))
