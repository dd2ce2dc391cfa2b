"""Scheduled messages: rules. Standard library and kernel only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kernel import clock
from kernel.errors import Problem, ValidationFailed

MAX_PENDING = 100  # per person, in all conversations
LATEST_MS = 365 * clock.DAY
FAILED_KEPT_MS = 30 * clock.DAY
State = Literal["pending", "sending", "failed"]


@dataclass(frozen=True, slots=True)
class ScheduledMessage:
    """A scheduled message. `draft` is the request's body, `reason` the error code of a failed one; times in ms."""

    id: str
    user_id: str
    conversation_id: str
    send_at: int
    created_at: int
    draft: Mapping[str, Any]
    type: str
    fingerprint: str
    state: State = "pending"
    reason: str | None = None

    def view(self) -> dict[str, Any]:
        """The sender's view, in which a message that is being sent is still pending."""
        return {
            "id": self.id,
            "conversation_id": self.conversation_id,
            "send_at": self.send_at,
            "state": "failed" if self.state == "failed" else "pending",
            "reason": self.reason,
            "client_id": self.draft["client_id"],
            "type": self.type,
            "text": self.draft.get("text"),
            "created_at": self.created_at,
        }


def require_time(send_at: int) -> None:
    """Raise ValidationFailed unless the time is within the coming year."""
    ahead = send_at - clock.now()
    if ahead <= 0:
        raise ValidationFailed.of("send_at", "a time in the future")
    if ahead > LATEST_MS:
        raise ValidationFailed.of("send_at", "at most 365 days ahead")


def may_pass(problem: Problem) -> bool:
    """Whether the error is temporary: an outage, or a conflict with another write."""
    return problem.status >= 500 or problem.retry_after_s is not None
