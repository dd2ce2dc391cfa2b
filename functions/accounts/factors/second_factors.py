"""What codes and passkeys share as second factors: the first one ends enrolment, the last one may have to stay.

After the last one no session counts as confirmed by two factors.
"""

from __future__ import annotations

from accounts import store
from accounts.commits import Contended
from accounts.factors import demand, passkey_store, totp_store
from accounts.factors.model import LastFactor, PasskeyRequired
from accounts.sessions import service as sessions
from accounts.sessions import session_store
from kernel import after_commit
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.errors import SecondFactorRequired, TokenRevoked
from kernel.transactions import Transaction

FORGET_CONFIRMATIONS = "forget_confirmations"


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
    """Note in the transaction that enrols a factor (`require_enrolled`) that the caller's session has one.

    The number of the person's enrolments changes with it: of two at once one is tried again, and finds the other's
    factor. Raises SecondFactorRequired (`require_first`).
    """
    enrolments = store.enrolments(caller.user_id)
    require_first(caller)
    store.stage_enrolment(transaction, caller.user_id, seen=enrolments)
    session_store.stage_enrolled(transaction, caller.user_id, caller.session_id)


def require_enrolled(failed: frozenset[str]) -> None:
    """Raises TokenRevoked if the session of `stage_enrolment` has ended, Contended upon another enrolment."""
    if "session" in failed:
        raise TokenRevoked
    if "enrolments" in failed:
        raise Contended


def end_other_enrolments(caller: Caller) -> None:
    """End the person's other sessions that have to enrol a factor, now that there is one to sign in with."""
    if caller.must_enrol or demand.is_made_of(caller.user_id):
        sessions.end_enrolling(caller.user_id, but=caller.session_id)


def stage_removal(transaction: Transaction, user_id: str, *, gone: str, by_operator: bool = False) -> FollowUp | None:
    """Stage what the removal of a factor requires: that another one stays (`require_another`), if there is one.

    `gone` is `totp` or the id of a passkey. Raises LastFactor for the last one, if one is demanded and no operator
    removes it; else returns the work to do after it.
    """
    if gone != "totp" and totp_store.is_enabled(user_id):
        totp_store.stage_enabled(transaction, user_id, label="another")
        return None
    other = next((each for each in passkey_store.of_user(user_id) if each.id != gone), None)
    if other is not None:
        passkey_store.stage_exists(transaction, other, label="another")
        return None
    if not by_operator and demand.is_made_of(user_id):
        raise LastFactor
    forgetting = FollowUp.of(FORGET_CONFIRMATIONS, {"user_id": user_id})
    forgetting.stage(transaction)
    return forgetting


def require_another(failed: frozenset[str]) -> None:
    """Raises Contended if the factor that stays was removed meanwhile (`stage_removal`); the retry finds another."""
    if "another" in failed:
        raise Contended


def _forget_confirmations(work: after_commit.Work) -> None:
    """The follow-up work of the last factor's removal.

    A late repetition also affects sessions in which one was enrolled since; at most they have to sign in again.
    """
    session_store.forget_two_factors(work["user_id"])


after_commit.register(FORGET_CONFIRMATIONS, _forget_confirmations)
