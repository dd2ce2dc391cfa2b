"""Second factors by time-based codes (RFC 6238) and recovery codes: enrolling, confirming, verifying, removing."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field, replace

from accounts import admission, alerts
from accounts.commits import Contended, commit
from accounts.factors import factor_keys, second_factors, step_up, totp_store
from accounts.factors.model import RECOVERY_CODES, TOTP_STEP_S, TOTP_STEPS_EITHER_WAY, Totp
from accounts.model import InvalidCredentials
from audit import api as audit
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound
from kernel.resilience import retried
from kernel.transactions import Transaction

ISSUER = "SecureConnect"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without characters that look alike
_GROUPS, _GROUP_CHARS = 4, 4  # 16 of 31 letters: 79 bits
_WRONG = "The code is wrong or was used before."


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The secret and recovery codes of a new factor, returned once."""

    secret: str = field(repr=False)
    otpauth_uri: str = field(repr=False)
    recovery_codes: list[str] = field(repr=False)


# --- changing -------------------------------------------------------------------------------------------------


def begin(*, caller: Caller, password: str) -> Enrolment:
    """Begin a new factor in place of an unconfirmed one; `confirm` enables it.

    Raises InvalidCredentials, Locked, SecondFactorRequired, and Conflict if a factor is enabled.
    """
    import pyotp

    second_factors.require_first(caller)
    owner = step_up.require_password(caller.user_id, password)
    secret = pyotp.random_base32()
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    macs = tuple(factor_keys.macs(caller.user_id, _normalise(code))[0] for code in codes)
    transaction = Transaction()
    totp_store.stage_new(transaction, Totp(caller.user_id, secret, macs, version=clock.now()))
    if commit(transaction):
        raise Conflict("The second factor is in force: remove it first.")
    uri = pyotp.TOTP(secret).provisioning_uri(name=owner.username, issuer_name=ISSUER)
    return Enrolment(secret, uri, codes)


def is_pending(caller: Caller, *, secret: str) -> bool:
    """Whether this is the secret of the caller's unconfirmed factor."""
    factor = totp_store.find(caller.user_id)
    return factor is not None and not factor.confirmed and hmac.compare_digest(factor.secret, secret)


def confirm(*, caller: Caller, code: str) -> None:
    """Enable the factor by a code, which is used up.

    Raises InvalidCredentials, Locked, Conflict, NotFound, SecondFactorRequired, TokenRevoked.
    """
    second_factors.require_first(caller)

    def attempt() -> None:
        factor = totp_store.find(caller.user_id)
        if factor is None:
            raise NotFound
        if factor.confirmed:
            raise Conflict("The second factor is in force already.")
        step = _step_of(factor, code)
        if step is None:
            raise InvalidCredentials(_WRONG)
        transaction = Transaction()
        totp_store.stage_change(transaction, factor, replace(factor.after_step(step), confirmed=True))
        second_factors.stage_enrolment(transaction, caller)
        audit.stage(transaction, "totp.enabled", actor=caller.user_id, target=caller.user_id)
        failed = commit(transaction)
        second_factors.require_enrolled(failed)
        if failed:
            raise Contended

    with admission.counted_attempt(caller.user_id):
        retried(attempt, on=Contended)
    second_factors.end_other_enrolments(caller)
    alerts.alert(caller, "totp_enabled")


def remove(*, caller: Caller, password: str, code: str) -> None:
    """Remove the factor by password and code; raises InvalidCredentials, Locked, NotFound, LastFactor."""
    step_up.require_password(caller.user_id, password)

    def attempt() -> None:
        factor = totp_store.find(caller.user_id)
        if factor is None or not factor.confirmed:
            raise NotFound
        after_use(factor, code)
        transaction = Transaction()
        totp_store.stage_removal(transaction, factor)
        _commit_removal(transaction, caller.user_id, actor=caller.user_id)

    with admission.counted_attempt(caller.user_id):
        retried(attempt, on=Contended)
    alerts.alert(caller, "totp_disabled")


def reset(user_id: str) -> bool:
    """Remove the factor of somebody who has lost it, for an operator who has verified them; whether there was one.

    The person is alerted if it was enabled, in case somebody else asked for it.
    """
    factor = totp_store.find(user_id)
    if factor is None:
        return False
    transaction = Transaction()
    totp_store.stage_removal(transaction, factor)
    _commit_removal(transaction, user_id, actor=None)
    if factor.confirmed:
        alerts.alert_user(user_id, "totp_disabled")
    return True


def _commit_removal(transaction: Transaction, user_id: str, *, actor: str | None) -> None:
    """Commit a removal by its owner or, with None, by an operator; raises Contended, LastFactor."""
    follow_up = second_factors.stage_removal(transaction, user_id, gone="totp", by_operator=actor is None)
    audit.stage(transaction, "totp.disabled", actor=actor, target=user_id)
    if commit(transaction):
        raise Contended
    if follow_up is not None:
        follow_up.complete()


# --- using ----------------------------------------------------------------------------------------------------


def after_use(factor: Totp, given: str) -> Totp:
    """The factor after the use of a code or recovery code; raises InvalidCredentials for a wrong or used one."""
    step = _step_of(factor, given)
    if step is not None:
        return factor.after_step(step)
    for mac in factor_keys.macs(factor.user_id, _normalise(given)):
        for macs in factor.recovery:
            if hmac.compare_digest(mac, macs):
                return factor.after_recovery(macs)
    raise InvalidCredentials(_WRONG)


def _step_of(factor: Totp, given: str) -> int | None:
    """The current, previous or next step whose unused code this is; None for a wrong or used code."""
    import pyotp

    digits = re.sub(r"\s", "", given)
    if not re.fullmatch(r"[0-9]{6}", digits):
        return None
    codes = pyotp.TOTP(factor.secret)
    now = clock.now_s() // TOTP_STEP_S
    around = range(now - TOTP_STEPS_EITHER_WAY, now + TOTP_STEPS_EITHER_WAY + 1)
    right = [step for step in around if hmac.compare_digest(codes.generate_otp(step), digits)]
    return next((step for step in right if step not in factor.used), None)


def _recovery_code() -> str:
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP_CHARS)) for _ in range(_GROUPS))
    return "-".join(groups)


def _normalise(code: str) -> str:
    """A recovery code without spaces, hyphens and capitals."""
    return re.sub(r"[\s-]", "", code).lower()
