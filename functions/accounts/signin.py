"""Registering and signing in with a password; locking an account after five failures in 15 minutes."""

from __future__ import annotations

import time
from collections.abc import Callable

from accounts import passwords, recovery, sessions, store
from accounts.model import (
    Attempts,
    Contended,
    Credentials,
    EmailTaken,
    InvalidCredentials,
    Tokens,
    UsernameTaken,
)
from kernel import clock, ids
from kernel.dynamo import Transaction
from kernel.errors import Locked
from kernel.resilience import retried
from users import service as users
from users.model import Profile

# Sign-ins under way count as failures until they succeed; others wait for them before they are turned away.
ADMISSION_TRIES = 20
ADMISSION_PAUSE_S = 0.25
ATTEMPT_BITS = 64


def register(*, email: str, username: str, password: str, display_name: str, ip: str) -> tuple[Profile, Tokens]:
    """A new account, signed in, with a letter to verify its address on the way.

    Raises EmailTaken, UsernameTaken, ValidationFailed for a common password.
    """
    passwords.require_uncommon(password, "password")
    new = Credentials(
        user_id=ids.new("usr"),
        username=username,
        email=email,
        password_hash=passwords.hashed(password),
        password_set_at=clock.now(),
    )

    def attempt() -> tuple[Profile, Tokens, str]:
        transaction = Transaction()
        store.stage_new(transaction, new)
        profile = users.add_profile_to(
            transaction, user_id=new.user_id, username=username, display_name=display_name, email=email
        )
        tokens = sessions.stage_new(transaction, user_id=new.user_id, device_name=None, ip=ip)
        secret = recovery.stage_verification(transaction, new)
        taken = store.commit(transaction)
        if "email" in taken:
            raise EmailTaken
        if "username" in taken:
            raise UsernameTaken
        if taken:
            raise RuntimeError(f"a new account met records of its own id: {sorted(taken)}")
        return profile, tokens, secret

    profile, tokens, secret = retried(attempt, on=Contended)
    recovery.send_verification(new, secret)
    return profile, tokens


def login(
    *,
    identifier: str,
    password: str,
    device_name: str | None,
    ip: str,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Profile, Tokens]:
    """Sign in by e-mail address or username.

    An unknown account takes the same steps as a known one, so that answers are alike in body and time.
    Raises InvalidCredentials, Locked.
    """
    user_id = store.owner(identifier)
    counted_by = store.subject(identifier, user_id)
    credentials, attempts = store.look_up(counted_by, user_id)
    attempt = _admit(counted_by, attempts, pause)
    right = passwords.matches(password, credentials.password_hash if credentials else None)
    if credentials is None or not right:
        store.note_failure(counted_by, attempt)
        raise InvalidCredentials
    tokens = _open_session(credentials, device_name, ip)
    return users.get(credentials.user_id), tokens


def _admit(counted_by: str, attempts: Attempts, pause: Callable[[float], None]) -> str:
    """Count an attempt and return its id; raises Locked."""
    for turn in range(ADMISSION_TRIES):
        if turn:
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


def _open_session(credentials: Credentials, device_name: str | None, ip: str) -> Tokens:
    """A session, unless the password was changed while it was looked at: then it is a wrong one."""

    def attempt() -> Tokens:
        transaction = Transaction()
        tokens = sessions.stage_new(transaction, user_id=credentials.user_id, device_name=device_name, ip=ip)
        store.stage_same_password(transaction, credentials)
        store.stage_no_attempts(transaction, credentials.user_id)
        if store.commit(transaction):
            raise InvalidCredentials
        return tokens

    return retried(attempt, on=Contended)
