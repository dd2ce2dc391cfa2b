"""Invitations by link and requests to join: types and rules. Standard library and kernel only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kernel import clock
from kernel.errors import Gone

TOKEN_BITS = 256
DEFAULT_LIFE_S = 7 * clock.DAY // clock.SECOND
MIN_LIFE_S, MAX_LIFE_S = 60, 365 * clock.DAY // clock.SECOND
REQUEST_LIFE_MS = 30 * clock.DAY
# An ended invitation is kept for this time, to be answered with 410 instead of 404.
KEPT_AFTER_MS = 30 * clock.DAY

InvitationState = Literal["open", "expired", "used_up", "revoked"]
RequestState = Literal["pending", "approved", "declined", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation link. Times in ms; `uses` counts the people who joined by it, `max_uses` None is no limit."""

    id: str
    conversation_id: str
    token_hash: str
    created_by: str
    created_at: int
    expires_at: int
    max_uses: int | None
    needs_approval: bool
    uses: int = 0
    revoked_at: int | None = None

    def state(self, now: int) -> InvitationState:
        """The state at `now` (ms)."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at <= now:
            return "expired"
        return "used_up" if self.max_uses is not None and self.uses >= self.max_uses else "open"

    def require_open(self, now: int) -> None:
        """Raise Gone unless the invitation is open."""
        if self.state(now) != "open":
            raise Gone("This invitation is over.")


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """A request to join by somebody with an invitation; it lapses after 30 days."""

    conversation_id: str
    user_id: str
    invitation_id: str
    requested_at: int

    def is_pending(self, now: int) -> bool:
        return self.requested_at + REQUEST_LIFE_MS > now
