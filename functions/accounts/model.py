"""Types and rules of accounts: credentials, one-time tokens, lockout, bans. No AWS in here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

from kernel import clock
from kernel.errors import Conflict, Forbidden, Unauthenticated, ValidationFailed

LOCK_AFTER = 5
LOCK_WINDOW_MS = 15 * clock.MINUTE
LOCK_MS = 15 * clock.MINUTE
UNDER_WAY_MS = 10 * clock.SECOND  # the longest duration of a sign-in, by its function's timeout

Purpose = Literal["verify_email", "reset_password", "disown_session", "nothing"]
TOKEN_TTL_MS: dict[Purpose, int] = {
    "verify_email": 24 * clock.HOUR,
    "reset_password": clock.HOUR,
    "disown_session": 7 * clock.DAY,
    "nothing": clock.HOUR,
}


class InvalidCredentials(Unauthenticated):
    code, detail = "invalid_credentials", "The name or the password is wrong."


class EmailTaken(Conflict):
    code, detail = "email_taken", "There is an account with this e-mail address."


class UsernameTaken(Conflict):
    code, detail = "username_taken", "There is an account with this username."


class InvalidToken(ValidationFailed):
    code, detail = "invalid_token", "This token is wrong, used or expired; ask for a new one."


@dataclass(frozen=True, slots=True)
class Credentials:
    """A person's credentials. `password_set_at` (ms) identifies the password; `enrolments` counts second factors that
    were ever enrolled, None for none."""

    user_id: str
    username: str
    email: str
    password_hash: str = field(repr=False)
    password_set_at: int
    ban: AccountBan | None = None
    enrolments: int | None = None


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    """A token sent by e-mail, as its hash; valid once, for one purpose. `session_id` is the session that it ends."""

    token_hash: str
    purpose: Purpose
    user_id: str
    email: str
    expires_at: int
    password_set_at: int = 0
    session_id: str | None = None

    @property
    def is_valid(self) -> bool:
        return clock.now() < self.expires_at


@dataclass(frozen=True, slots=True)
class Attempts:
    """The recent attempts at one account: (id, instant in ms), oldest first; a success clears them.

    An attempt is counted before its password is verified, so that parallel attempts are limited as well.
    """

    tried: tuple[tuple[str, int], ...] = ()
    failed: frozenset[str] = frozenset()

    def locked_for_s(self) -> int | None:
        """Seconds until the end of the lockout, None if there is none."""
        if len(self.tried) < LOCK_AFTER:
            return None
        left_ms = self.tried[-1][1] + LOCK_MS - clock.now()
        return -(-left_ms // clock.SECOND) if left_ms > 0 else None

    @property
    def all_failed(self) -> bool:
        """Whether all attempts have failed; if not, a running one may still succeed and clear them."""
        begun = clock.now() - UNDER_WAY_MS
        return all(attempt in self.failed or at < begun for attempt, at in self.tried)

    def with_attempt(self, attempt: str) -> Attempts:
        """The attempts of the last 15 min and a new one."""
        recent = tuple(each for each in self.tried if each[1] > clock.now() - LOCK_WINDOW_MS)
        names = {each for each, _ in recent}
        return Attempts((*recent, (attempt, clock.now())), self.failed & names)

    def without_attempt(self, attempt: str) -> Attempts:
        """The attempts without this one."""
        return Attempts(tuple(each for each in self.tried if each[0] != attempt), self.failed - {attempt})


def digest(secret: str) -> str:
    """The SHA-256 of a random secret, which needs no slow hash as it has 256 bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def folded(identifier: str) -> str:
    """The normalised form in which e-mail addresses and usernames are unique."""
    return identifier.strip().lower()


class AccountBanned(Forbidden):
    """Raised only after the password was verified. `until` is in ms, None for a permanent ban."""

    code, detail = "account_banned", "This account is banned."

    def __init__(self, until: int | None) -> None:
        super().__init__()
        self.until = until

    def as_dict(self, request_id: str) -> dict[str, Any]:
        until = None if self.until is None else clock.rfc3339(self.until)
        return {**super().as_dict(request_id), "until": until}


@dataclass(frozen=True, slots=True)
class AccountBan:
    """A ban of an account until an instant (ms; None: permanent), by an admin."""

    since: int
    until: int | None
    reason: str
    by: str

    @property
    def is_active(self) -> bool:
        return self.until is None or clock.now() < self.until
