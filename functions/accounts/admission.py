"""Lockout: attempts at an account are counted before they are verified; five failures in 15 minutes lock it for 15.

Attempts at passwords and codes of second factors count together, at sign-in and everywhere else except at a change of
the password, which has a limit of its own (`app.PASSWORD_CHANGES`). The `subject` of attempts is a user's id, or stands
for an unknown name (`store.unknown_subject`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accounts import store
from accounts.commits import Contended
from accounts.model import Attempts, InvalidCredentials
from audit import api as audit
from kernel import deadline, ids, telemetry
from kernel.errors import Locked
from kernel.resilience import retried

# Running sign-ins count as failures until they succeed; others wait for their outcome before they are refused.
ADMISSION_TRIES = 20
ADMISSION_PAUSE_S = 0.25
ATTEMPT_BITS = 64


def admit(subject: str, attempts: Attempts, pause: Callable[[float], None] = deadline.pause) -> str:
    """Count an attempt and return its id; raises Locked, after waiting for running attempts."""
    for number in range(ADMISSION_TRIES):
        if number:
            pause(ADMISSION_PAUSE_S)
            attempts = store.attempts(subject)
        locked_for_s = attempts.locked_for_s()
        if locked_for_s is not None and attempts.all_failed:
            raise _locked(locked_for_s)
        if locked_for_s is None:
            attempt = ids.token(ATTEMPT_BITS)
            try:
                store.count_attempt(subject, attempts, attempts.with_attempt(attempt))
            except Contended:
                continue
            return attempt
    raise _locked(attempts.locked_for_s() or 1)


def _locked(for_s: int) -> Locked:
    telemetry.total("SignInsLocked")
    return Locked(retry_after_s=for_s)


def record_refusal(user_id: str | None, why: str) -> None:
    """Count a refused sign-in and record its reason.

    The given name is not recorded, because it may be a password in the wrong field.
    """
    telemetry.total("SignInsRefused", refused=why)
    audit.record("sign_in.refused", actor=None, target=user_id, details={"reason": why})


def withdraw(subject: str, attempt: str) -> None:
    """Remove an attempt that was correct; earlier ones still count."""

    def attempt_withdrawal() -> None:
        seen = store.attempts(subject)
        if any(each == attempt for each, _ in seen.tried):
            store.withdraw_attempt(subject, seen, attempt)

    retried(attempt_withdrawal, on=Contended)


@contextmanager
def counted_attempt(user_id: str) -> Iterator[None]:
    """Count the enclosed attempt as a failure if it raises InvalidCredentials, and not otherwise.

    Any other exception is no guess: the credentials were right, or were not verified. Raises Locked before the attempt.
    """
    attempt = admit(user_id, store.attempts(user_id))
    try:
        yield
    except InvalidCredentials:
        store.mark_failed(user_id, attempt)
        raise
    except Exception:
        withdraw(user_id, attempt)
        raise
    withdraw(user_id, attempt)
