"""How requests name a conversation's group, and write what is not text."""

from __future__ import annotations

from base64 import b64encode

from secureconnect_client.http import segment


def mls(conversation_id: str) -> str:
    """The path of the conversation's group."""
    return f"/conversations/{segment(conversation_id)}/mls"


def base64(raw: bytes) -> str:
    return b64encode(raw).decode()
