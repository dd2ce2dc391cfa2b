"""The attachments of messages, by way of the drive's door; whoever sends a message without any loads no drive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kernel.transactions import Cancelled, Transaction

if TYPE_CHECKING:
    from drive.model import Node


def require(user_id: str, file_ids: Sequence[str]) -> list[Node]:
    """The sender's files with these ids; raises ValidationFailed unless all exist, are the sender's own and ready."""
    return _port().require(user_id, file_ids) if file_ids else []


def require_opaque(files: Sequence[Node]) -> None:
    """Raises ValidationFailed unless a client has encrypted these files."""
    if files:
        _port().require_opaque(files)


def log_entries(files: Sequence[Node], conversation_id: str) -> list[dict[str, Any]]:
    """What a message's event stores of its files."""
    return _port().log_entries(files, conversation_id) if files else []


def stage(
    transaction: Transaction, files: Sequence[Node], *, conversation_id: str, seq: int, expires_at: int | None
) -> None:
    """Attach files to a message, on condition that they are still ready (`were_changed`)."""
    if files:
        _port().stage(transaction, files, conversation_id=conversation_id, seq=seq, expires_at=expires_at)


def were_changed(refused: Cancelled) -> bool:
    """Whether a transaction was refused because a file was changed or deleted meanwhile."""
    return _port().LABEL in refused.failed


def stage_removal(transaction: Transaction, conversation_id: str, seq: int, data: Mapping[str, Any]) -> None:
    """Stage, with the deletion of a message with this data, a cleanup task for its attachments."""
    if data.get("attachments"):
        _port().stage_removal(transaction, conversation_id, seq, data)


def remove(conversation_id: str, seq: int, data: Mapping[str, Any]) -> None:
    """Revoke the members' access to the attachments of a deleted message. Never raises."""
    if data.get("attachments"):
        _port().remove(conversation_id, seq, data)


def _port() -> Any:
    from drive.api import attachments  # few messages have any

    return attachments
