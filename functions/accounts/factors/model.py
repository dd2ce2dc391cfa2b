"""Types and rules of second factors, passkeys and step-up. No AWS in here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kernel import clock
from kernel.errors import Conflict, Unauthenticated

STEP_UP_MS = 10 * clock.MINUTE
TOTP_STEP_S = 30
TOTP_STEPS_EITHER_WAY = 1  # RFC 6238, 5.2: one step of delay, and as much for clocks that run ahead
RECOVERY_CODES = 10
CEREMONY_MS = 5 * clock.MINUTE
PASSKEYS_MAX = 20


class TotpRequired(Unauthenticated):
    code, detail = "totp_required", "The password is right; a code of the second factor is needed as well."


class PasskeyRequired(Unauthenticated):
    code, detail = "passkey_required", "The password is right, but two factors are demanded: sign in with a passkey."


class LastFactor(Conflict):
    code, detail = "last_factor", "A second factor is demanded of you, and this is your last one: add another first."


class StepUpRequired(Unauthenticated):
    code, detail = "step_up_required", "It is more than 10 minutes ago that you proved who you are: give the password."


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
