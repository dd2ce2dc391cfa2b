"""Reports of messages: types and rules. Standard library and kernel only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from conversations.model import Member
from kernel import clock, ids

# Open or decided, a report is gone after 90 days.
REPORT_LIFE_MS = 90 * clock.DAY

POLICY = "policy"  # reports by a group's policy have this in a reporter's place

Decision = Literal["resolved", "dismissed", "escalated"]
ReportState = Literal["open", "resolved", "dismissed", "escalated"]
_KEPT_OF_A_MESSAGE = ("id", "sender_id", "type", "text", "ciphertext", "created_at", "edited_at")


@dataclass(frozen=True, slots=True)
class Report:
    """That a member reported a message. `snapshot` is the message as they saw it, while somebody has to judge it:
    while the report is open, and when the group's admins have handed it on to those of the platform (escalated)."""

    id: str
    conversation_id: str
    message_id: str
    sender_id: str
    reporter_id: str
    reason: str
    reported_at: int
    snapshot: Mapping[str, Any] | None
    state: ReportState = "open"
    decided_by: str | None = None
    decided_at: int | None = None

    def is_kept(self, now: int) -> bool:
        return self.reported_at + REPORT_LIFE_MS > now

    def is_for(self, admin: Member) -> bool:
        """Not for who wrote the message, nor for who came after it."""
        return admin.user_id != self.sender_id and admin.visible_from <= (ids.position(self.message_id) or 0)


def snapshot_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """What admins need of a message to judge it, whatever becomes of it; of a poll its options, but no result."""
    kept = {name: message[name] for name in _KEPT_OF_A_MESSAGE}
    if message["poll"] is not None:
        kept["text"] = "\n".join([message["poll"]["question"], *(each["text"] for each in message["poll"]["options"])])
    return kept
