"""Registers the frames about requests to join, and the erasure of invitations."""

from __future__ import annotations

from conversations.api import Eraser, register_eraser
from kernel.late import late
from kernel.personal_data import register_personal
from log.api import EventType, register

register(
    EventType("join_request.created", data="invitations.schemas.JoinRequestOut", durable=False),
    EventType("join_request.updated", data="invitations.schemas.JoinRequestOut", durable=False),
)
register_eraser(Eraser("invitations", late("invitations.store.erase")))
register_personal("invitations", late("invitations.own_data.invitations"))
register_personal("join_requests", late("invitations.own_data.join_requests"))
