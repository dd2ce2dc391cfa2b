"""Proving an e-mail address, changing and resetting passwords; the one-time tokens of letters."""

from __future__ import annotations

from functools import partial

from accounts import mail, passwords, sessions, store
from accounts.model import (
    TOKEN_TTL_MS,
    Contended,
    Credentials,
    InvalidCredentials,
    InvalidToken,
    OneTimeToken,
    Purpose,
    digest,
    folded,
)
from audit import api as audit
from kernel import clock, ids, limiter
from kernel.caller import Caller
from kernel.dynamo import Transaction
from kernel.errors import DependencyUnavailable
from kernel.limiter import Limit, LimitExceeded
from kernel.resilience import retried
from users import api as users

LETTERS_TO_ONE_ADDRESS = Limit("reset_letters", requests=10, window_s=3600, without_redis="closed")


# --- the address ----------------------------------------------------------------------------------------------


def stage_verification(transaction: Transaction, owner: Credentials) -> str:
    """A token that verifies the address of new credentials, as part of the transaction that makes them."""
    secret = ids.token()
    store.stage_token(transaction, _kept(secret, "verify_email", owner))
    return secret


def send_verification(owner: Credentials, secret: str) -> None:
    """Send it; if that fails, the account stands all the same and can ask for another."""
    mail.enqueue_if_possible(mail.verify_email(owner.email, owner.username, secret))


def resend_verification(user_id: str) -> None:
    """Send another letter to an address that is not verified yet."""
    owner = store.credentials(user_id)
    if owner is None or users.get(user_id).email_verified:
        return
    secret = keep_token(owner, "verify_email")
    mail.enqueue(mail.verify_email(owner.email, owner.username, secret))


def verify_email(token: str) -> None:
    """Mark the address a token was sent to as verified; raises InvalidToken."""
    kept = good_token(token, "verify_email")

    def attempt() -> None:
        transaction = Transaction()
        store.stage_burning(transaction, kept)
        users.verify_email_in(transaction, user_id=kept.user_id, email=kept.email)
        if store.commit(transaction):
            raise InvalidToken

    retried(attempt, on=Contended)


# --- the password ---------------------------------------------------------------------------------------------


def change_password(*, caller: Caller, current_password: str, new_password: str) -> None:
    """Set a new password and end the other sessions; raises InvalidCredentials for a wrong current one."""
    passwords.require_uncommon(new_password, "new_password")
    credentials = store.credentials(caller.user_id)
    if credentials is None or not passwords.matches(current_password, credentials.password_hash):
        raise InvalidCredentials("The current password is wrong.")
    _require_unrelated(new_password, credentials)
    new_hash = passwords.hashed(new_password)

    def attempt() -> None:
        transaction = Transaction()
        store.stage_password(transaction, credentials.user_id, new_hash, instead_of=credentials.password_set_at)
        audit.stage(transaction, "password.changed", actor=caller.user_id, target=caller.user_id)
        if store.commit(transaction):
            raise InvalidCredentials("The current password is wrong.")

    retried(attempt, on=Contended)
    _end_sessions(caller.user_id, "password_changed", but=caller.session_id)


def forgot(email: str) -> None:
    """Send a token that resets the password, if there is such an account; if not, take the same way to nowhere."""
    try:
        limiter.spend(LETTERS_TO_ONE_ADDRESS, digest(folded(email)))
    except LimitExceeded:
        return
    user_id = store.owner(email)
    owner, _ = store.look_up(user_id or store.unknown(email))
    if owner is None:
        mail.enqueue(mail.nothing(keep_token(None, "nothing")))
    else:
        mail.enqueue(mail.reset_password(owner.email, owner.username, keep_token(owner, "reset_password")))


def reset_password(*, token: str, new_password: str) -> None:
    """Set a new password by a token and end all sessions; raises InvalidToken.

    A token is good for the password it was asked for: a change or a reset meanwhile makes it useless.
    """
    passwords.require_uncommon(new_password, "new_password")
    kept = good_token(token, "reset_password")
    owner = store.credentials(kept.user_id)
    if owner is None:
        raise InvalidToken
    _require_unrelated(new_password, owner)
    new_hash = passwords.hashed(new_password)

    def attempt() -> None:
        transaction = Transaction()
        store.stage_burning(transaction, kept)
        store.stage_password(transaction, kept.user_id, new_hash, instead_of=kept.password_set_at)
        store.stage_no_attempts(transaction, owner.user_id)
        audit.stage(transaction, "password.reset", actor=kept.user_id, target=kept.user_id)
        if store.commit(transaction):
            raise InvalidToken

    retried(attempt, on=Contended)
    _end_sessions(kept.user_id, "password_reset")


def _require_unrelated(password: str, owner: Credentials) -> None:
    names = (owner.username, users.get(owner.user_id).display_name, owner.email)
    passwords.require_unrelated(password, "new_password", names)


def _end_sessions(user_id: str, reason: str, *, but: str | None = None) -> None:
    """The password is changed by now, so a passing failure must not leave the old sessions standing."""
    retried(partial(sessions.end_all, user_id, reason=reason, but=but), on=DependencyUnavailable, tries=2)


# --- tokens ---------------------------------------------------------------------------------------------------


def keep_token(owner: Credentials | None, purpose: Purpose, *, session_id: str | None = None) -> str:
    """A new token, of which the store keeps the hash alone."""
    secret = ids.token()
    store.keep_token(_kept(secret, purpose, owner, session_id))
    return secret


def _kept(secret: str, purpose: Purpose, owner: Credentials | None, session_id: str | None = None) -> OneTimeToken:
    return OneTimeToken(
        token_hash=digest(secret),
        purpose=purpose,
        user_id=owner.user_id if owner else "nobody",
        email=owner.email if owner else "nobody",
        expires_at=clock.now() + TOKEN_TTL_MS[purpose],
        password_set_at=owner.password_set_at if owner else 0,
        session_id=session_id,
    )


def good_token(secret: str, purpose: Purpose) -> OneTimeToken:
    """What a token stands for; raises InvalidToken for one that is unknown, over, used or for another purpose."""
    kept = store.token(secret)
    if kept is None or kept.purpose != purpose or not kept.good:
        raise InvalidToken
    return kept
