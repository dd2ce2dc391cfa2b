"""Exports, and the steps of an erasure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kernel import clock

ExportStatus = Literal["running", "ready", "failed", "expired"]
EXPORT_LIFE_MS = 7 * clock.DAY
STEPS = ("sessions", "conversations", "messages", "reactions", "drive", "tables", "profile")


@dataclass(frozen=True, slots=True)
class DataExport:
    """A copy of what is held on a person; `ends_at` is when its ZIP goes, once it is ready."""

    user_id: str
    id: str
    status: ExportStatus
    created_at: int
    size: int | None = None
    ends_at: int | None = None

    @property
    def state(self) -> ExportStatus:
        """As it is now: the store's own expiry may lag."""
        over = self.ends_at is not None and self.ends_at <= clock.now()
        return "expired" if over else self.status

    @property
    def key(self) -> str:
        """Where the ZIP lies in the bucket."""
        return f"exports/{self.user_id}/{self.id}.zip"
