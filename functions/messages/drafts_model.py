"""Drafts: texts that are not sent yet. Standard library and kernel only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft, or (text None) the note that it was cleared. The later `written_at` (ms) wins."""

    conversation_id: str
    text: str | None
    reply_to: str | None
    thread_root: str | None
    written_at: int
