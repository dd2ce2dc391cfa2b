"""Counting attempts at an account before they are looked at: five failures in 15 minutes lock it for 15.

Passwords and codes of second factors count together, at sign-in and wherever else they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accounts import store
from accounts.model import Attempts, Contended, InvalidCredentials
from audit import api as audit
from kernel import deadline, ids, telemetry
from kernel.errors import Locked
from kernel.resilience import retried

# Sign-ins under way count as failures until they succeed; others wait for them before they are turned away.
ADMISSION_TRIES = 20
ADMISSION_PAUSE_S = 0.25
ATTEMPT_BITS = 64


def admit(counted_by: str, attempts: Attempts, pause: Callable[[float], None] = deadline.pause) -> str:
    """Count an attempt and return its id; raises Locked."""
    for number in range(ADMISSION_TRIES):
        if number:
            pause(ADMISSION_PAUSE_S)
            attempts = store.attempts(counted_by)
        locked_for_s = attempts.locked_for_s()
        if locked_for_s is not None and attempts.settled:
            raise _locked(locked_for_s)
        if locked_for_s is None:
            attempt = ids.token(ATTEMPT_BITS)
            try:
                store.count_attempt(counted_by, attempts, attempts.with_one(attempt))
            except Contended:
                continue
            return attempt
    raise _locked(attempts.locked_for_s() or 1)


def _locked(for_s: int) -> Locked:
    telemetry.total("SignInsLocked")
    return Locked(retry_after_s=for_s)


def note_accepted() -> None:
    """Count a sign-in that led to a session."""
    telemetry.total("SignInsAccepted")


def note_refusal(user_id: str | None, why: str) -> None:
    """Count a sign-in that was refused, and keep for what reason.

    Nothing of the name that was given: it may be somebody's password in the wrong field.
    """
    telemetry.total("SignInsRefused", refused=why)
    audit.record("sign_in.refused", actor=None, target=user_id, details={"reason": why})


def withdraw(counted_by: str, attempt: str) -> None:
    """Take back an attempt that was right as far as it went; those before it still count."""

    def take_back() -> None:
        seen = store.attempts(counted_by)
        if any(each == attempt for each, _ in seen.tried):
            store.withdraw_attempt(counted_by, seen, attempt)

    retried(take_back, on=Contended)


@contextmanager
def counted(user_id: str) -> Iterator[None]:
    """Count what is tried inside: as a failure if it raises InvalidCredentials. Raises Locked before it is tried."""
    attempt = admit(user_id, store.attempts(user_id))
    try:
        yield
    except InvalidCredentials:
        store.note_failure(user_id, attempt)
        raise
    withdraw(user_id, attempt)
