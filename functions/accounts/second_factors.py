"""What codes and passkeys share as second factors: the first one ends enrolment, the last one may have to stay."""

from __future__ import annotations

from accounts import demand, passkey_store, session_store, sessions, totp_store
from accounts.model import Contended, LastFactor, PasskeyRequired
from kernel.caller import Caller
from kernel.dynamo import Transaction
from kernel.errors import SecondFactorRequired, TokenRevoked


def require_passkeys_unused(user_id: str) -> None:
    """Refuse a sign-in by password alone to somebody with passkeys, if two factors are demanded.

    Raises PasskeyRequired.
    """
    if demand.is_made_of(user_id) and passkey_store.of_user(user_id):
        raise PasskeyRequired


def require_first(caller: Caller) -> None:
    """In a session that has to enrol a factor, require that it is the person's first; raises SecondFactorRequired.

    Otherwise somebody who knows only the password could add a factor of their own beside the person's.
    """
    if caller.must_enrol and (totp_store.is_enabled(caller.user_id) or passkey_store.of_user(caller.user_id)):
        raise SecondFactorRequired("There is a second factor already: sign in again with it.")


def stage_enrolment(transaction: Transaction, caller: Caller) -> None:
    """Note in the transaction that enrols a factor that the caller's session has one (`require_enrolled`)."""
    session_store.stage_enrolled(transaction, caller.user_id, caller.session_id)


def require_enrolled(failed: frozenset[str]) -> None:
    """Raises TokenRevoked if the session of `stage_enrolment` has ended."""
    if "session" in failed:
        raise TokenRevoked


def end_other_enrolments(caller: Caller) -> None:
    """End the person's other sessions that have to enrol a factor, now that there is one to sign in with."""
    if caller.must_enrol or demand.is_made_of(caller.user_id):
        sessions.end_enrolling(caller.user_id, but=caller.session_id)


def stage_another(transaction: Transaction, user_id: str, *, but: str) -> None:
    """Require in a transaction (`require_another`) that a factor other than `but` is left, if one is demanded.

    `but` is `totp` or the id of a passkey. Raises LastFactor.
    """
    if not demand.is_made_of(user_id):
        return
    if but != "totp" and totp_store.is_enabled(user_id):
        totp_store.stage_enabled(transaction, user_id, label="another")
        return
    other = next((each for each in passkey_store.of_user(user_id) if each.id != but), None)
    if other is None:
        raise LastFactor
    passkey_store.stage_exists(transaction, other, label="another")


def require_another(failed: frozenset[str]) -> None:
    """Raises Contended if the factor of `stage_another` was removed meanwhile; the retry looks for another."""
    if "another" in failed:
        raise Contended
