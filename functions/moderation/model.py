"""Reports of messages: types and rules. Standard library and kernel only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from conversations.model import Member
from kernel import clock, ids

REPORT_LIFE_MS = 90 * clock.DAY  # open or decided

POLICY = "policy"  # the `reporter_id` of reports made by a group's policy

Decision = Literal["resolved", "dismissed", "escalated"]
ReportState = Literal["open", "resolved", "dismissed", "escalated"]
_SNAPSHOT_FIELDS = ("id", "sender_id", "type", "text", "ciphertext", "created_at", "edited_at")


@dataclass(frozen=True, slots=True)
class Report:
    """A member's report of a message.

    `snapshot` is the message as the reporter saw it. It is kept while the report is open or escalated to platform
    admins, and None once the report is resolved or dismissed.
    """

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
        """Whether an admin may see and decide the report: not the message's author, nor who joined after it."""
        return admin.user_id != self.sender_id and admin.visible_from <= (ids.position(self.message_id) or 0)


def snapshot_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a message that admins need to judge it; a poll's text is its question and options, no results."""
    snapshot = {name: message[name] for name in _SNAPSHOT_FIELDS}
    if poll := message["poll"]:
        snapshot["text"] = "\n".join([poll["question"], *(option["text"] for option in poll["options"])])
    return snapshot
