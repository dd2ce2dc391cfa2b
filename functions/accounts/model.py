"""Types and rules of accounts: credentials, sessions, one-time tokens, lockout, factors, passkeys. No AWS in here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kernel import clock
from kernel.errors import Conflict, Forbidden, Unauthenticated, ValidationFailed

SESSION_TTL_S = 30 * 24 * 60 * 60
RETURN_S = 30 * 24 * 60 * 60
# Reasons for which the service ends sessions by itself: the person may sign in again on the same device.
RETURNING_REASONS = frozenset({"refresh_reused", "too_many_sessions", "second_factor_required"})
REFRESH_GRACE_MS = 30 * clock.SECOND
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


class RefreshReused(Unauthenticated):
    code, detail = "refresh_reused", "This refresh token was used before; the session was ended for safety."


class EmailTaken(Conflict):
    code, detail = "email_taken", "There is an account with this e-mail address."


class UsernameTaken(Conflict):
    code, detail = "username_taken", "There is an account with this username."


class Contended(Conflict):
    """A concurrent change; the caller may retry."""

    detail = "Somebody changed this at the same time; try again."

    def __init__(self) -> None:
        super().__init__(retry_after_s=1)


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


# --- second factors, step-up, bans ----------------------------------------------------------------------------

STEP_UP_MS = 10 * clock.MINUTE
TOTP_STEP_S = 30
TOTP_STEPS_EITHER_WAY = 1  # RFC 6238, 5.2: one step of delay, and as much for clocks that run ahead
RECOVERY_CODES = 10


class TotpRequired(Unauthenticated):
    code, detail = "totp_required", "The password is right; a code of the second factor is needed as well."


class PasskeyRequired(Unauthenticated):
    code, detail = "passkey_required", "The password is right, but two factors are demanded: sign in with a passkey."


class LastFactor(Conflict):
    code, detail = "last_factor", "A second factor is demanded of you, and this is your last one: add another first."


class StepUpRequired(Unauthenticated):
    code, detail = "step_up_required", "It is more than 10 minutes ago that you proved who you are: give the password."


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


@dataclass(frozen=True, slots=True)
class Totp:
    """A person's second factor (RFC 6238), which is enabled once it is `confirmed` by a code.

    `used` are the recent steps of 30 s whose codes were used, `recovery` the MACs of the remaining recovery codes;
    `version` counts changes.
    """

    user_id: str
    secret: str = field(repr=False)
    recovery: tuple[str, ...] = field(repr=False)
    confirmed: bool = False
    used: tuple[int, ...] = ()
    version: int = 0

    def after_step(self, step: int) -> Totp:
        """The factor after the code of this step was used; old steps are dropped."""
        oldest = clock.now_s() // TOTP_STEP_S - 2 * TOTP_STEPS_EITHER_WAY
        used = tuple(each for each in self.used if each >= oldest)
        return replace(self, used=(*used, step), version=self.version + 1)

    def after_recovery(self, mac: str) -> Totp:
        """The factor after this recovery code was used."""
        left = tuple(each for each in self.recovery if each != mac)
        return replace(self, recovery=left, version=self.version + 1)


# --- passkeys -------------------------------------------------------------------------------------------------

CEREMONY_MS = 5 * clock.MINUTE
PASSKEYS_MAX = 20


@dataclass(frozen=True, slots=True)
class PasskeyCredential:
    """A WebAuthn credential; `credential_id` and `public_key` (COSE) in URL-safe base 64 without padding."""

    user_id: str
    id: str
    credential_id: str
    public_key: str
    counter: int
    name: str
    created_at: int
    synced: bool
    last_used_at: int | None = None

    def indicates_copy(self, counter: int) -> bool:
        """Whether a signature counter indicates a cloned authenticator (WebAuthn 6.1.1); 0 means no counter."""
        return counter != 0 and self.counter != 0 and counter <= self.counter


@dataclass(frozen=True, slots=True)
class Ceremony:
    """A challenge (URL-safe base 64), valid once until `expires_at` (ms); `user_id` is set for registrations."""

    id: str
    purpose: str
    user_id: str | None
    challenge: str
    expires_at: int

    def is_good_for(self, purpose: str, user_id: str | None) -> bool:
        return (self.purpose, self.user_id) == (purpose, user_id) and clock.now() < self.expires_at
