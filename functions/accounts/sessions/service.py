"""Sessions: beginning them, rotating their refresh tokens, listing and ending them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from accounts import mail, store
from accounts.commits import Contended
from accounts.factors import demand
from accounts.sessions import session_ends, session_store
from accounts.sessions.model import (
    REFRESH_GRACE_MS,
    RETURNING_REASONS,
    SESSION_TTL_S,
    AccountSession,
    IssuedTokens,
    RefreshReused,
)
from accounts.sessions.refresh_tokens import RefreshToken, decode
from kernel import after_commit, auth, clock, ids, parallel
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.config import config
from kernel.errors import NotFound, TokenRevoked
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.transactions import Transaction
from log import api as log
from realtime import api as realtime
from realtime.api import notify

if TYPE_CHECKING:
    from kernel.answers import FirstAnswer

CLOSE_SOCKETS = "close_sockets_of_ended_sessions"

# --- beginning and refreshing ---------------------------------------------------------------------------------


def stage_new(
    transaction: Transaction, *, user_id: str, device_name: str | None, ip: str, two_factors: bool = False
) -> IssuedTokens:
    """Stage a new session; returns its tokens, which are valid once the transaction is committed.

    `two_factors`: the person has just shown two. If not, and they are demanded, the session may only enrol one.
    """
    token = RefreshToken(user_id, ids.new("ses"))
    session = AccountSession(
        user_id=user_id,
        session_id=token.session_id,
        device_name=device_name,
        ip=ip,
        created_at=clock.now(),
        last_seen_at=clock.now(),
        expires_at_s=_expires_at_s(clock.now()),
        generation=token.generation,
        current_hash=token.hash,
        salt=ids.token(),
        proved_at=clock.now(),
        two_factors=two_factors,
        must_enrol=not two_factors and demand.is_made_of(user_id),
    )
    session_store.stage_new(transaction, session)
    return _tokens(token, session.must_enrol)


def _expires_at_s(begun_at: int) -> int:
    """The expiry (s) of a session that is refreshed now: after 30 days without use, but at most its maximum age."""
    oldest_s = begun_at // clock.SECOND + config().session_max_days * clock.DAY // clock.SECOND
    return min(clock.now_s() + SESSION_TTL_S, oldest_s)


def refresh(*, refresh_token: str, ip: str) -> IssuedTokens:
    """Exchange a refresh token for new tokens; concurrent requests within 30 s get the same ones.

    The reuse of an older token ends its session and alerts its owner. A session that began with one factor before two
    were demanded ends: signing in again leads to enrolment. Raises Unauthenticated for an invalid token, TokenRevoked,
    RefreshReused.
    """
    token = decode(refresh_token)
    return retried(lambda: _refresh(token, ip), on=Contended)


def _refresh(token: RefreshToken, ip: str) -> IssuedTokens:
    session = session_store.find(token.user_id, token.session_id)
    if session is None or not session.live or token.generation > session.generation:
        raise TokenRevoked
    expires_at_s = _expires_at_s(session.created_at)
    if expires_at_s <= clock.now_s():  # the maximum age has been lowered since
        raise TokenRevoked
    successor = token.successor(session.salt)
    if (token.generation, token.hash) == (session.generation, session.current_hash):
        lacks_factor = not session.two_factors and demand.is_made_of(session.user_id)
        if lacks_factor and not session.must_enrol:
            ending = [session.session_id]
            revoke(session.user_id, ending, reason="second_factor_required", sockets_of=ending)
            raise TokenRevoked
        lifted = session.must_enrol and not lacks_factor
        session_store.rotate(session, successor.hash, ip=ip, expires_at_s=expires_at_s, ends_enrolment=lifted)
        return _tokens(successor, session.must_enrol and not lifted)
    before = (session.generation - 1, session.previous_hash)
    if (token.generation, token.hash) == before and clock.now() - session.rotated_at <= REFRESH_GRACE_MS:
        return _tokens(successor, session.must_enrol)
    _end_copied(session)
    raise RefreshReused


def _end_copied(session: AccountSession) -> None:
    copied = [session.session_id]
    if not revoke(session.user_id, copied, reason="refresh_reused", sockets_of=copied):
        return  # ended by another call, which alerts the owner
    notify([session.user_id], "security", {"reason": "refresh_reused"})
    owner = store.credentials(session.user_id)
    if owner is not None:
        mail.enqueue_if_possible(mail.session_reused(owner, device_name=session.device_name))


def find_unused(tokens: Mapping[str, Any]) -> AccountSession | None:
    """The live session whose latest tokens these are; None if it has ended or its tokens were refreshed since.

    A repeated request may get unused tokens again.
    """
    token = decode(tokens["refresh_token"])
    session = session_store.find(token.user_id, token.session_id)
    return session if session is not None and session.live and session.current_hash == token.hash else None


def tokens_are_unused(first: FirstAnswer, **_: Any) -> bool:
    """Whether a repeated request may get the tokens of the first response again (`find_unused`)."""
    return find_unused(first.body["tokens"]) is not None


def _tokens(token: RefreshToken, must_enrol: bool) -> IssuedTokens:
    return IssuedTokens(
        access_token=auth.issue(token.user_id, token.session_id),
        refresh_token=token.encode(),
        expires_in=auth.ACCESS_TTL_S,
        session_id=token.session_id,
        must_enrol=must_enrol,
    )


# --- listing and ending ---------------------------------------------------------------------------------------


def list_sessions(*, user_id: str, limit: int, after: str | None) -> Page[AccountSession]:
    """A person's live sessions, newest first."""
    paging = Paginator(after, user_id, "sessions")
    found = session_store.live_sessions(user_id)
    if paging.start is not None:
        found = [session for session in found if session.session_id < paging.start]
    return paging.page(found, limit, lambda each: each.session_id, list)


def session_views(user_id: str) -> list[dict[str, Any]]:
    """The views of a person's live sessions, for a data export."""
    return [
        {
            "session_id": each.session_id,
            "device_name": each.device_name,
            "ip": each.ip,
            "created_at": clock.rfc3339(each.created_at),
            "last_seen_at": clock.rfc3339(each.last_seen_at),
        }
        for each in session_store.live_sessions(user_id)
    ]


def end_current(caller: Caller) -> None:
    """Sign out: end the calling session."""
    revoke(caller.user_id, [caller.session_id], reason="logout", sockets_of=[caller.session_id])


def end_one(*, user_id: str, session_id: str) -> None:
    """End one of a person's sessions; raises NotFound.

    The follow-up work is repeated for an ended session, too, because it may have failed the first time. If the service
    has ended or ends it meanwhile, its device goes nevertheless.
    """
    session = session_store.find(user_id, session_id) if ids.is_id(session_id, "ses") else None
    if session is None:
        raise NotFound
    ended = revoke(user_id, [session_id], reason="revoked", sockets_of=[session_id])
    if session.live and session_id in ended:
        return
    gone = session_store.find(user_id, session_id)
    if gone is not None:
        session_store.release_device(gone)
    raise NotFound


def end_enrolling(user_id: str, *, but: str) -> None:
    """End a person's sessions that had to enrol a second factor, except `but`, in which it was enrolled.

    The person signs in with the factor instead, which somebody else cannot do who knew the password.
    """
    ending = [each.session_id for each in session_store.live_sessions(user_id) if each.must_enrol]
    ending = [each for each in ending if each != but]
    if ending:
        revoke(user_id, ending, reason="second_factor_required", sockets_of=[])


def end_surplus(user_id: str, live: Sequence[AccountSession], *, but: str) -> None:
    """End the least recently used sessions above the maximum number, but never `but`, and alert the person.

    The last of concurrent sign-ins sees all sessions, so that no surplus is left.
    """
    surplus = len(live) - config().sessions_max
    if surplus <= 0:
        return
    others = sorted((each for each in live if each.session_id != but), key=lambda each: each.last_seen_at)
    ending = [each.session_id for each in others[:surplus]]
    if revoke(user_id, ending, reason="too_many_sessions", sockets_of=ending):
        notify([user_id], "security", {"reason": "too_many_sessions"})


def end_all(user_id: str, *, reason: str, but: str | None = None) -> None:
    """End all sessions of a person, except session `but`; devices of sessions that ended before do not stay either."""
    live = [session.session_id for session in session_store.live_sessions(user_id)]
    ending = [each for each in live if each != but]
    # if no session is excepted, all sockets are closed, also those of sessions that ended before
    revoke(user_id, ending, reason=reason, sockets_of=None if but is None else ending)
    session_store.release_devices(user_id)


def revoke(user_id: str, session_ids: Collection[str], *, reason: str, sockets_of: Collection[str] | None) -> set[str]:
    """End sessions in the table, then their cached state, then their sockets (None: all of the person's).

    Failed steps are repeated by the sweep of follow-up work. Returns the sessions that this call has ended.
    """
    work_data = {
        "user_id": user_id,
        "session_ids": sorted(session_ids),
        "sockets_of": None if sockets_of is None else sorted(sockets_of),
        "reason": reason,
    }
    closing = FollowUp.of(CLOSE_SOCKETS, work_data)
    may_return = reason in RETURNING_REASONS
    ended = session_store.revoke(user_id, session_ids, may_return=may_return, stage=closing.stage)
    closing.complete()
    return ended


def _close_sockets(work: after_commit.Work) -> None:
    """Close the sockets of ended sessions, mark these in Redis, and enqueue their loss for other domains, in parallel.

    Idempotent; raises the first failure, so that the sweep repeats it.
    """
    remember = partial(session_ends.remember, work["session_ids"], until=clock.now() + session_ends.REPEATED_MS)
    steps = [remember, partial(_close, work), partial(_enqueue_loss, work)]
    failures = [failure for failure in parallel.mapped(_exception_of, steps) if failure is not None]
    if failures:
        raise failures[0]


def _exception_of(step: Callable[[], None]) -> Exception | None:
    """The exception of a step, returned so that it does not prevent the other steps."""
    try:
        step()
    except Exception as error:
        return error
    return None


def _close(work: after_commit.Work) -> None:
    sockets_of = work["sockets_of"]
    if sockets_of is None or sockets_of:
        realtime.close_sessions(work["user_id"], sockets_of, reason=work["reason"])


def _enqueue_loss(work: after_commit.Work) -> None:
    if work["session_ids"]:
        log.enqueue_loss(log.SessionsLost(work["user_id"], list(work["session_ids"]), clock.now()))


after_commit.register(CLOSE_SOCKETS, _close_sockets)
