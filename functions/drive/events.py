"""The drive's events about inspected files, and its reactions to lost access and erased conversations."""

from __future__ import annotations

from typing import Any

from conversations.api import Eraser, register_eraser
from log.api import AccountLost, ConversationLost, EventType, on_loss, register

register(
    EventType("file.ready", data="drive.schemas.File", durable=False),
    EventType("file.rejected", data="drive.schemas.File", durable=False),
)


def _abort_of_conversation(loss: ConversationLost) -> None:
    from drive.uploads import lost_access

    lost_access.abort_of_conversation(loss)


def _abort_of_account(loss: AccountLost) -> None:
    from drive.uploads import lost_access

    lost_access.abort_of_account(loss)


on_loss(ConversationLost, "uploads", _abort_of_conversation)
on_loss(AccountLost, "uploads", _abort_of_account)


def _erase(conversation_id: str, cursor: Any) -> Any:
    from drive.sharing import attachments

    return attachments.erase_conversation(conversation_id, cursor)


register_eraser(Eraser("drive", _erase))
