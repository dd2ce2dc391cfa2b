"""Types and rules of sessions. No AWS in here."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernel import clock
from kernel.errors import Unauthenticated

SESSION_TTL_S = 30 * 24 * 60 * 60
RETURN_S = 30 * 24 * 60 * 60
# Reasons for which the service ends sessions by itself: the person may sign in again on the same device.
RETURNING_REASONS = frozenset({"refresh_reused", "too_many_sessions", "second_factor_required"})
REFRESH_GRACE_MS = 30 * clock.SECOND


class RefreshReused(Unauthenticated):
    code, detail = "refresh_reused", "This refresh token was used before; the session was ended for safety."


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """The tokens of a session, for its client; `must_enrol` as in AccountSession."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    session_id: str
    must_enrol: bool
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name (RFC 6750)


@dataclass(frozen=True, slots=True)
class AccountSession:
    """A signed-in device, with hashes of its current and previous refresh token and the salt to derive the next."""

    user_id: str
    session_id: str
    device_name: str | None
    ip: str
    created_at: int
    last_seen_at: int
    expires_at_s: int
    generation: int
    current_hash: str
    salt: str
    previous_hash: str | None = None
    rotated_at: int = 0
    revoked_at: int | None = None
    proved_at: int = 0  # the last sign-in or step-up
    two_factors: bool = False  # it began with two factors, or one was enrolled in it
    must_enrol: bool = False  # a second factor is demanded, and until it is enrolled nothing else may be done
    may_return: bool = False  # it was ended for one of RETURNING_REASONS

    @property
    def live(self) -> bool:
        """Neither ended nor expired; the table's TTL may lag for days (R26)."""
        return self.revoked_at is None and clock.now_s() < self.expires_at_s

    @property
    def keeps_device(self) -> bool:
        """Whether the device that signed in stays the person's device.

        It stays while the session is live, and for 30 days after one that has expired or that the service has ended by
        itself: the device has its keys then, and signing in there again goes on with them.
        """
        if self.revoked_at is None:
            return clock.now_s() < self.expires_at_s + RETURN_S
        return self.may_return and clock.now_s() < self.revoked_at // clock.SECOND + RETURN_S
