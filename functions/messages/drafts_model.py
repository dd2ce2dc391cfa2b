"""Drafts: what somebody has written into a conversation and not sent. Standard library and kernel only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    """`written_at` (ms) decides which of two is the later; no text: it was cleared then."""

    conversation_id: str
    text: str | None
    reply_to: str | None
    thread_root: str | None
    written_at: int
