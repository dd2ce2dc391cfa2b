"""Registers the frames about requests to join, and the erasure of invitations."""

from __future__ import annotations

from typing import Any

from conversations.api import Eraser, register_eraser
from log.api import EventType, register

register(
    EventType("join_request.created", data="invitations.schemas.JoinRequestOut", durable=False),
    EventType("join_request.updated", data="invitations.schemas.JoinRequestOut", durable=False),
)


def _erase(conversation_id: str, cursor: Any) -> Any:
    from invitations import store

    return store.erase(conversation_id)


register_eraser(Eraser("invitations", _erase))
