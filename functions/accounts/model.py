"""Accounts: credentials, sessions, one-time tokens, and when an account locks. No AWS in here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kernel import clock
from kernel.errors import Conflict, Forbidden, Unauthenticated, ValidationFailed

SESSION_TTL_S = 30 * 24 * 60 * 60
REFRESH_GRACE_MS = 30 * clock.SECOND
LOCK_AFTER = 5
LOCK_WINDOW_MS = 15 * clock.MINUTE
LOCK_MS = 15 * clock.MINUTE
UNDER_WAY_MS = 10 * clock.SECOND  # a sign-in ends within its function's time limit

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
    """Another change came in between; the attempt can be made again."""

    detail = "Somebody changed this at the same time; try again."

    def __init__(self) -> None:
        super().__init__(retry_after_s=1)


class InvalidToken(ValidationFailed):
    code, detail = "invalid_token", "This token is wrong, used or expired; ask for a new one."


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs a person in. `password_set_at` tells one password from the next."""

    user_id: str
    username: str
    email: str
    password_hash: str = field(repr=False)
    password_set_at: int
    ban: AccountBan | None = None


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a client gets on signing in."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    session_id: str
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name (RFC 6750)


@dataclass(frozen=True, slots=True)
class AccountSession:
    """A signed-in device. Of refresh tokens only hashes are kept, and the salt that leads from one to the next."""

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
    proved_at: int = 0  # when its person last proved who they are, by password or passkey

    @property
    def live(self) -> bool:
        """Neither ended nor expired; the store's own expiry may lag for days (R26)."""
        return self.revoked_at is None and clock.now_s() < self.expires_at_s


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    """A token sent by e-mail, by its hash; good once, for one purpose, until its time. `session_id` is what it ends."""

    token_hash: str
    purpose: Purpose
    user_id: str
    email: str
    expires_at: int
    password_set_at: int = 0
    session_id: str | None = None

    @property
    def good(self) -> bool:
        return clock.now() < self.expires_at


@dataclass(frozen=True, slots=True)
class Attempts:
    """The sign-ins tried lately at one account: (id, instant), oldest first; successes clear them.

    An attempt is counted before its password is looked at, so that tries in parallel get no more than others.
    """

    tried: tuple[tuple[str, int], ...] = ()
    failed: frozenset[str] = frozenset()

    def locked_for_s(self) -> int | None:
        """Seconds until the lock of 15 min opens, None when there is none."""
        if len(self.tried) < LOCK_AFTER:
            return None
        left_ms = self.tried[-1][1] + LOCK_MS - clock.now()
        return -(-left_ms // clock.SECOND) if left_ms > 0 else None

    @property
    def settled(self) -> bool:
        """Whether all that count have failed; if not, one under way may yet succeed and clear them."""
        begun = clock.now() - UNDER_WAY_MS
        return all(attempt in self.failed or at < begun for attempt, at in self.tried)

    def with_one(self, attempt: str) -> Attempts:
        """With one more attempt now, without those older than 15 min."""
        recent = tuple(each for each in self.tried if each[1] > clock.now() - LOCK_WINDOW_MS)
        names = {each for each, _ in recent}
        return Attempts((*recent, (attempt, clock.now())), self.failed & names)

    def without(self, attempt: str) -> Attempts:
        """Without this attempt, which was right as far as it went."""
        return Attempts(tuple(each for each in self.tried if each[0] != attempt), self.failed - {attempt})


def digest(secret: str) -> str:
    """The hash under which a random secret is kept; it has 256 bits, so one round is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def folded(identifier: str) -> str:
    """The spelling under which e-mail addresses and usernames are unique."""
    return identifier.strip().lower()


# --- second factors, step-up, bans ----------------------------------------------------------------------------

STEP_UP_MS = 10 * clock.MINUTE
TOTP_STEP_S = 30
TOTP_STEPS_EITHER_WAY = 1  # RFC 6238, 5.2: one step of delay, and as much for clocks that run ahead
RECOVERY_CODES = 10


class TotpRequired(Unauthenticated):
    code, detail = "totp_required", "The password is right; a code of the second factor is needed as well."


class StepUpRequired(Unauthenticated):
    code, detail = "step_up_required", "It is more than 10 minutes ago that you proved who you are: give the password."


class AccountBanned(Forbidden):
    """Told only to who knows the password. `until` is an instant in ms, None for a ban without end."""

    code, detail = "account_banned", "This account is banned."

    def __init__(self, until: int | None) -> None:
        super().__init__()
        self.until = until

    def as_dict(self, request_id: str) -> dict[str, Any]:
        until = None if self.until is None else clock.rfc3339(self.until)
        return {**super().as_dict(request_id), "until": until}


@dataclass(frozen=True, slots=True)
class AccountBan:
    """That an account may not be signed in to until then (ms; None: without end)."""

    since: int
    until: int | None
    reason: str
    by: str

    @property
    def stands(self) -> bool:
        return self.until is None or clock.now() < self.until


@dataclass(frozen=True, slots=True)
class Totp:
    """A person's second factor (RFC 6238), in force once it is confirmed by a code.

    `used` are the steps of 30 s whose code was taken lately, `recovery` the MACs of the recovery codes that are left.
    `version` tells one state from the next.
    """

    user_id: str
    secret: str = field(repr=False)
    recovery: tuple[str, ...] = field(repr=False)
    confirmed: bool = False
    used: tuple[int, ...] = ()
    version: int = 0

    def after_step(self, step: int) -> Totp:
        """With the code of this step used up; steps that are over are forgotten."""
        oldest = clock.now_s() // TOTP_STEP_S - 2 * TOTP_STEPS_EITHER_WAY
        used = tuple(each for each in self.used if each >= oldest)
        return replace(self, used=(*used, step), version=self.version + 1)

    def after_recovery(self, mac: str) -> Totp:
        """With this recovery code used up."""
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

    def runs_back_at(self, counter: int) -> bool:
        """Whether a signature with this counter was made by a copy (WebAuthn 6.1.1); authenticators without send 0."""
        return counter != 0 and self.counter != 0 and counter <= self.counter


@dataclass(frozen=True, slots=True)
class Ceremony:
    """A challenge (URL-safe base 64), good once and until `expires_at`; `user_id` is whose registration it is."""

    id: str
    purpose: str
    user_id: str | None
    challenge: str
    expires_at: int

    def is_good_for(self, purpose: str, user_id: str | None) -> bool:
        return (self.purpose, self.user_id) == (purpose, user_id) and clock.now() < self.expires_at
