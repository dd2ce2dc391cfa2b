"""Registering and signing in with a password; locking an account after five failures in 15 minutes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from accounts import admission, new_devices, passwords, recovery, sessions, store, totp_store
from accounts import totp as second_factor
from accounts.model import (
    AccountBanned,
    Contended,
    Credentials,
    EmailTaken,
    InvalidCredentials,
    IssuedTokens,
    TotpRequired,
    UsernameTaken,
)
from audit import api as audit
from kernel import clock, ids
from kernel.after_commit import FollowUp
from kernel.dynamo import Transaction
from kernel.resilience import retried
from users import api as users
from users.model import Profile


def register(*, email: str, username: str, password: str, display_name: str, ip: str) -> tuple[Profile, IssuedTokens]:
    """A new account, signed in, with a letter to verify its address on the way.

    Raises EmailTaken, UsernameTaken, ValidationFailed for a common password.
    """
    passwords.require_uncommon(password, "password")
    passwords.require_unrelated(password, "password", (username, display_name, email))
    new = Credentials(
        user_id=ids.new("usr"),
        username=username,
        email=email,
        password_hash=passwords.hashed(password),
        password_set_at=clock.now(),
    )

    def attempt() -> tuple[Profile, IssuedTokens, str]:
        transaction = Transaction()
        store.stage_new(transaction, new)
        profile = users.add_profile_to(
            transaction, user_id=new.user_id, username=username, display_name=display_name, email=email
        )
        tokens = sessions.stage_new(transaction, user_id=new.user_id, device_name=None, ip=ip)
        secret = recovery.stage_verification(transaction, new)
        audit.stage(transaction, "account.registered", actor=new.user_id, target=new.user_id)
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
    totp: str | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Profile, IssuedTokens]:
    """Sign in by e-mail address or username, with a code where a second factor is in force.

    An unknown account takes the same steps as a known one, so that answers are alike in body and time. Whether it is
    banned or has a second factor is told to who knows the password only.
    Raises InvalidCredentials, Locked, AccountBanned, TotpRequired.
    """
    user_id = store.owner(identifier)
    counted_by = user_id or store.unknown(identifier)
    credentials, attempts = store.look_up(counted_by)
    attempt = admission.admit(counted_by, attempts, pause)
    right = passwords.matches(password, credentials.password_hash if credentials else None)
    if credentials is None or not right:
        store.note_failure(counted_by, attempt)
        admission.note_refusal(user_id, "password")
        raise InvalidCredentials
    if credentials.ban is not None and credentials.ban.stands:
        admission.withdraw(counted_by, attempt)
        admission.note_refusal(user_id, "banned")
        raise AccountBanned(credentials.ban.until)
    factor = totp_store.find(credentials.user_id)
    if factor is not None and factor.confirmed and not totp:
        admission.withdraw(counted_by, attempt)
        raise TotpRequired
    try:
        opening = partial(_open_session, credentials, device_name, ip, totp or "")
        tokens, telling = retried(opening, on=Contended)
    except InvalidCredentials:
        store.note_failure(counted_by, attempt)
        admission.note_refusal(user_id, "second_factor")
        raise
    admission.note_accepted()
    telling.complete()
    return users.get(credentials.user_id), tokens


def unused(tokens: Mapping[str, Any]) -> bool:
    """Whether tokens of a sign-in may be answered again: nothing was done with them, nor the password changed since."""
    session = sessions.unused(tokens)
    owner = None if session is None else store.credentials(session.user_id)
    return session is not None and owner is not None and owner.password_set_at <= session.created_at


def _open_session(
    credentials: Credentials, device_name: str | None, ip: str, given: str
) -> tuple[IssuedTokens, FollowUp]:
    """A session and what is to follow it, unless password, ban or factor were changed while they were looked at.

    Uses the code up where a factor is in force; raises InvalidCredentials for a wrong one.
    """
    transaction = Transaction()
    tokens = sessions.stage_new(transaction, user_id=credentials.user_id, device_name=device_name, ip=ip)
    telling = new_devices.telling(credentials, session_id=tokens.session_id, device_name=device_name, ip=ip)
    telling.stage(transaction)
    store.stage_unchanged(transaction, credentials)
    store.stage_no_attempts(transaction, credentials.user_id)
    factor = totp_store.find(credentials.user_id) if given else None
    by = "password"
    if factor is not None and factor.confirmed:
        by = "password and code"
        totp_store.stage_change(transaction, factor, second_factor.after_use(factor, given))
    details = {"session_id": tokens.session_id, "by": by}
    audit.stage(transaction, "sign_in.accepted", actor=credentials.user_id, target=credentials.user_id, details=details)
    failed = store.commit(transaction)
    if "totp" in failed:
        raise Contended  # the code may have been used up meanwhile: it is looked at again
    if failed:
        raise InvalidCredentials
    return tokens, telling
