"""Counting attempts at an account before they are looked at: five failures in 15 minutes lock it for 15.

Passwords and codes of second factors count together, at sign-in and wherever else they are asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accounts import store
from accounts.model import Attempts, Contended, InvalidCredentials
from kernel import ids
from kernel.errors import Locked
from kernel.resilience import retried

# Sign-ins under way count as failures until they succeed; others wait for them before they are turned away.
ADMISSION_TRIES = 20
ADMISSION_PAUSE_S = 0.25
ATTEMPT_BITS = 64


def admit(counted_by: str, attempts: Attempts, pause: Callable[[float], None] = time.sleep) -> str:
    """Count an attempt and return its id; raises Locked."""
    for number in range(ADMISSION_TRIES):
        if number:
            pause(ADMISSION_PAUSE_S)
            attempts = store.attempts(counted_by)
        locked_for_s = attempts.locked_for_s()
        if locked_for_s is not None and attempts.settled:
            raise Locked(retry_after_s=locked_for_s)
        if locked_for_s is None:
            attempt = ids.token(ATTEMPT_BITS)
            try:
                store.count_attempt(counted_by, attempts, attempts.with_one(attempt))
            except Contended:
                continue
            return attempt
    raise Locked(retry_after_s=attempts.locked_for_s() or 1)


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
