"""Verifying e-mail addresses, changing and resetting passwords; the one-time tokens of e-mails."""

from __future__ import annotations

from functools import partial

from accounts import mail, passwords, store
from accounts.commits import Contended, commit
from accounts.model import (
    TOKEN_TTL_MS,
    Credentials,
    InvalidCredentials,
    InvalidToken,
    OneTimeToken,
    Purpose,
    digest,
    folded,
)
from accounts.sessions import service as sessions
from audit import api as audit
from kernel import clock, ids, limiter
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable
from kernel.limiter import Limit, LimitExceeded
from kernel.resilience import retried
from kernel.transactions import Transaction
from users import api as users

LETTERS_TO_ONE_ADDRESS = Limit("reset_letters", requests=10, window_s=3600, without_redis="closed")


# --- e-mail addresses -----------------------------------------------------------------------------------------


def stage_verification(transaction: Transaction, owner: Credentials) -> str:
    """Save a token that verifies the address of new credentials, in the transaction that creates them; returns it."""
    secret = ids.token()
    store.stage_token(transaction, _token(secret, "verify_email", owner))
    return secret


def send_verification(owner: Credentials, secret: str) -> None:
    """Queue the e-mail with the token; if that fails, the person can request another one."""
    mail.enqueue_if_possible(mail.verify_email(owner.email, owner.username, secret))


def resend_verification(user_id: str) -> None:
    """Queue another e-mail to an address that is not verified yet; raises DependencyUnavailable."""
    owner = store.credentials(user_id)
    if owner is None or users.get(user_id).email_verified:
        return
    secret = issue_token(owner, "verify_email")
    mail.enqueue(mail.verify_email(owner.email, owner.username, secret))


def verify_email(token: str) -> None:
    """Mark the address that a token was sent to as verified; raises InvalidToken."""
    found = require_token(token, "verify_email")

    def attempt() -> None:
        transaction = Transaction()
        store.stage_redemption(transaction, found)
        users.verify_email_in(transaction, user_id=found.user_id, email=found.email)
        if commit(transaction):
            raise InvalidToken

    retried(attempt, on=Contended)


# --- passwords ------------------------------------------------------------------------------------------------


def change_password(*, caller: Caller, current_password: str, new_password: str) -> None:
    """Set a new password and end the other sessions; raises InvalidCredentials, ValidationFailed."""
    passwords.require_uncommon(new_password, "new_password")
    credentials = store.credentials(caller.user_id)
    if credentials is None or not passwords.matches(current_password, credentials.password_hash):
        raise InvalidCredentials("The current password is wrong.")
    _require_unrelated(new_password, credentials)
    new_hash = passwords.hash_password(new_password)

    def attempt() -> None:
        transaction = Transaction()
        store.stage_password(transaction, credentials.user_id, new_hash, instead_of=credentials.password_set_at)
        audit.stage(transaction, "password.changed", actor=caller.user_id, target=caller.user_id)
        if commit(transaction):
            raise InvalidCredentials("The current password is wrong.")

    retried(attempt, on=Contended)
    _end_sessions(caller.user_id, "password_changed", but=caller.session_id)


def forgot(email: str) -> None:
    """Queue an e-mail with a token that resets the password; for an unknown address do the same without an e-mail."""
    try:
        limiter.spend(LETTERS_TO_ONE_ADDRESS, digest(folded(email)))
    except LimitExceeded:
        return
    user_id = store.user_id_of(email)
    owner, *_ = store.find_with_attempts(user_id or store.unknown_subject(email))
    if owner is None:
        mail.enqueue(mail.nothing(issue_token(None, "nothing")))
    else:
        mail.enqueue(mail.reset_password(owner.email, owner.username, issue_token(owner, "reset_password")))


def reset_password(*, token: str, new_password: str) -> None:
    """Set a new password by a token and end all sessions; raises InvalidToken, ValidationFailed.

    A token is valid until the password changes.
    """
    passwords.require_uncommon(new_password, "new_password")
    found = require_token(token, "reset_password")
    owner = store.credentials(found.user_id)
    if owner is None:
        raise InvalidToken
    _require_unrelated(new_password, owner)
    new_hash = passwords.hash_password(new_password)

    def attempt() -> None:
        transaction = Transaction()
        store.stage_redemption(transaction, found)
        store.stage_password(transaction, found.user_id, new_hash, instead_of=found.password_set_at)
        store.stage_attempts_deletion(transaction, owner.user_id)
        audit.stage(transaction, "password.reset", actor=found.user_id, target=found.user_id)
        if commit(transaction):
            raise InvalidToken

    retried(attempt, on=Contended)
    _end_sessions(found.user_id, "password_reset")


def _require_unrelated(password: str, owner: Credentials) -> None:
    names = (owner.username, users.get(owner.user_id).display_name, owner.email)
    passwords.require_unrelated(password, "new_password", names)


def _end_sessions(user_id: str, reason: str, *, but: str | None = None) -> None:
    """With a retry, because the password is changed already and the old sessions must not stay live."""
    retried(partial(sessions.end_all, user_id, reason=reason, but=but), on=DependencyUnavailable, tries=2)


# --- tokens ---------------------------------------------------------------------------------------------------


def issue_token(owner: Credentials | None, purpose: Purpose, *, session_id: str | None = None) -> str:
    """A new token, saved as its hash."""
    secret = ids.token()
    store.save_token(_token(secret, purpose, owner, session_id))
    return secret


def _token(secret: str, purpose: Purpose, owner: Credentials | None, session_id: str | None = None) -> OneTimeToken:
    return OneTimeToken(
        token_hash=digest(secret),
        purpose=purpose,
        user_id=owner.user_id if owner else "nobody",
        email=owner.email if owner else "nobody",
        expires_at=clock.now() + TOKEN_TTL_MS[purpose],
        password_set_at=owner.password_set_at if owner else 0,
        session_id=session_id,
    )


def require_token(secret: str, purpose: Purpose) -> OneTimeToken:
    """The record of a token; raises InvalidToken if it is unknown, expired, used or for another purpose."""
    found = store.token(secret)
    if found is None or found.purpose != purpose or not found.is_valid:
        raise InvalidToken
    return found
