"""Registering, and signing in with a password and a second factor."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from accounts import admission, passwords, recovery, store
from accounts.commits import Contended, commit
from accounts.factors import second_factors, totp_store
from accounts.factors import totp as second_factor
from accounts.factors.model import PasskeyRequired, TotpRequired
from accounts.model import AccountBanned, Credentials, EmailTaken, InvalidCredentials, UsernameTaken
from accounts.sessions import new_devices
from accounts.sessions import service as sessions
from accounts.sessions.model import IssuedTokens
from audit import api as audit
from kernel import clock, ids, telemetry
from kernel.after_commit import FollowUp
from kernel.resilience import retried
from kernel.transactions import Transaction
from users import api as users
from users.model import Profile


def register(*, email: str, username: str, password: str, display_name: str, ip: str) -> tuple[Profile, IssuedTokens]:
    """Create an account, sign in, and queue the e-mail that verifies its address.

    Raises EmailTaken, UsernameTaken, ValidationFailed for a weak password.
    """
    passwords.require_uncommon(password, "password")
    passwords.require_unrelated(password, "password", (username, display_name, email))
    new = Credentials(
        user_id=ids.new("usr"),
        username=username,
        email=email,
        password_hash=passwords.hash_password(password),
        password_set_at=clock.now(),
    )

    def attempt() -> tuple[Profile, IssuedTokens, str]:
        transaction = Transaction()
        store.stage_new(transaction, new)
        profile = users.add_profile_to(
            transaction, user_id=new.user_id, username=username, display_name=display_name, email=email
        )
        tokens = sessions.stage_new(transaction, user_id=new.user_id, device_name=None, ip=ip, two_factors=False)
        secret = recovery.stage_verification(transaction, new)
        audit.stage(transaction, "account.registered", actor=new.user_id, target=new.user_id)
        taken = commit(transaction)
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
    """Sign in by e-mail address or username, with a code if a second factor is enabled.

    An unknown account takes the same steps as a known one, so that responses are equal in body and time. AccountBanned,
    TotpRequired and PasskeyRequired are raised only after the password was verified. Raises InvalidCredentials, Locked
    as well.
    """
    user_id = store.user_id_of(identifier)
    subject = user_id or store.unknown_subject(identifier)
    credentials, attempts, (factor, profile) = store.find_with_attempts(
        subject, totp_store.key(subject), users.profile_key(subject)
    )
    attempt = admission.admit(subject, attempts, pause)
    right = passwords.matches(password, credentials.password_hash if credentials else None)
    if credentials is None or not right:
        store.mark_failed(subject, attempt)
        admission.record_refusal(user_id, "password")
        raise InvalidCredentials
    if credentials.ban is not None and credentials.ban.is_active:
        admission.withdraw(subject, attempt)
        admission.record_refusal(user_id, "banned")
        raise AccountBanned(credentials.ban.until)
    has_factor = totp_store.is_enabled_in(factor)  # a later one is found by the transaction (`_open_session`)
    if has_factor and not totp:
        admission.withdraw(subject, attempt)
        raise TotpRequired
    if not has_factor:
        try:
            second_factors.require_passkeys_unused(credentials.user_id)
        except PasskeyRequired:
            admission.withdraw(subject, attempt)
            raise
    try:
        open_session = partial(_open_session, credentials, device_name, ip, totp or "")
        tokens, follow_up = retried(open_session, on=Contended)
    except InvalidCredentials:
        store.mark_failed(subject, attempt)
        admission.record_refusal(user_id, "second_factor")
        raise
    telemetry.total("SignInsAccepted")
    follow_up.complete()
    return users.shown(users.profile_in(profile)), tokens


def are_unused(tokens: Mapping[str, Any]) -> bool:
    """Whether the tokens of a sign-in are unused and the password is unchanged since."""
    session = sessions.find_unused(tokens)
    owner = None if session is None else store.credentials(session.user_id)
    return session is not None and owner is not None and owner.password_set_at <= session.created_at


def _open_session(
    credentials: Credentials, device_name: str | None, ip: str, given: str
) -> tuple[IssuedTokens, FollowUp]:
    """A new session and its follow-up work, on condition that password, ban and factor are unchanged, and that none was
    enrolled since the credentials were read.

    Uses up the code of an enabled factor; raises InvalidCredentials for a wrong one, Contended.
    """
    transaction = Transaction()
    factor = totp_store.find(credentials.user_id) if given else None
    with_code = factor is not None and factor.confirmed
    tokens = sessions.stage_new(
        transaction, user_id=credentials.user_id, device_name=device_name, ip=ip, two_factors=with_code
    )
    follow_up = new_devices.follow_up_of(credentials, session_id=tokens.session_id, device_name=device_name, ip=ip)
    follow_up.stage(transaction)
    store.stage_unchanged(transaction, credentials)
    store.stage_attempts_deletion(transaction, credentials.user_id)
    if factor is not None and with_code:
        totp_store.stage_change(transaction, factor, second_factor.after_use(factor, given))
    details = {"session_id": tokens.session_id, "by": "password and code" if with_code else "password"}
    audit.stage(transaction, "sign_in.accepted", actor=credentials.user_id, target=credentials.user_id, details=details)
    failed = commit(transaction)
    if "totp" in failed:
        raise Contended  # the code may have been used meanwhile; checked again by the retry
    if failed:
        raise InvalidCredentials
    return tokens, follow_up
