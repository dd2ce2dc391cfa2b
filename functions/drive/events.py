"""What the drive tells: how the inspection of a file ended; and what of it ends with a right."""

from __future__ import annotations

from typing import Any

from conversations.api import Eraser, register_eraser
from drive.schemas import File
from log.api import AccountLost, ConversationLost, EventType, on_loss, register

register(EventType("file.ready", data=File, durable=False), EventType("file.rejected", data=File, durable=False))


def _of_conversation(loss: ConversationLost) -> None:
    from drive.uploads import losing

    losing.of_conversation(loss)


def _of_account(loss: AccountLost) -> None:
    from drive.uploads import losing

    losing.of_account(loss)


on_loss(ConversationLost, "uploads", _of_conversation)
on_loss(AccountLost, "uploads", _of_account)


def _erase(conversation_id: str, cursor: Any) -> Any:
    from drive.sharing import attachments

    return attachments.erase_of_conversation(conversation_id, cursor)


register_eraser(Eraser("drive", _erase))
