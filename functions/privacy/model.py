"""Exports, and the steps of an erasure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kernel import clock

ExportStatus = Literal["running", "ready", "failed", "expired"]
EXPORT_LIFE_MS = 7 * clock.DAY
STEPS = ("sessions", "conversations", "messages", "reactions", "votes", "drive", "tables", "profile")


@dataclass(frozen=True, slots=True)
class DataExport:
    """An export of the data held on a person; `ends_at` (ms) is when its ZIP expires, None before it is ready."""

    user_id: str
    id: str
    status: ExportStatus
    created_at: int
    size: int | None = None
    ends_at: int | None = None

    @property
    def state(self) -> ExportStatus:
        """`status`, or `expired` from `ends_at` on."""
        over = self.ends_at is not None and self.ends_at <= clock.now()
        return "expired" if over else self.status

    @property
    def key(self) -> str:
        """The object key of the ZIP."""
        return f"exports/{self.user_id}/{self.id}.zip"
