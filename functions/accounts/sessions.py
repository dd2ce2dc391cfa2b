"""Sessions: signing devices in, checking their tokens, rotating refresh tokens, ending sessions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from accounts import liveness, mail, session_ends, session_store, store
from accounts.model import (
    REFRESH_GRACE_MS,
    SESSION_TTL_S,
    AccountSession,
    Contended,
    IssuedTokens,
    RefreshReused,
)
from accounts.refresh_tokens import RefreshToken, opened
from kernel import after_commit, auth, clock, ids, parallel
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.config import config
from kernel.dynamo import Transaction
from kernel.errors import NotFound, TokenRevoked
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from log import api as log
from realtime import api as realtime
from realtime.api import notify

if TYPE_CHECKING:
    from kernel.http import FirstAnswer

CLOSE_SOCKETS = "close_sockets_of_ended_sessions"

# --- checking -------------------------------------------------------------------------------------------------


def authenticate(token: str) -> Caller:
    """Who calls with this access token; raises Unauthenticated, TokenRevoked when the session has ended."""
    return _authenticated(token, liveness.is_live)


def authenticate_by_table(token: str) -> Caller:
    """The same by the table alone: for routes that open or renew something, or change what keeps an account safe.

    An end that Redis has missed holds there at once (R51).
    """
    return _authenticated(token, liveness.stands)


def _authenticated(token: str, is_live: Callable[[str, str], bool]) -> Caller:
    caller = auth.verify(token)
    if not is_live(caller.user_id, caller.session_id):
        raise TokenRevoked
    return caller


# --- beginning and refreshing ---------------------------------------------------------------------------------


def stage_new(transaction: Transaction, *, user_id: str, device_name: str | None, ip: str) -> IssuedTokens:
    """The tokens of a new session, which stands once the transaction is carried out."""
    token = RefreshToken(user_id, ids.new("ses"))
    session = AccountSession(
        user_id=user_id,
        session_id=token.session_id,
        device_name=device_name,
        ip=ip,
        created_at=clock.now(),
        last_seen_at=clock.now(),
        expires_at_s=_expiry(clock.now()),
        generation=token.generation,
        current_hash=token.hash,
        salt=ids.token(),
        proved_at=clock.now(),
    )
    session_store.stage_new(transaction, session)
    return _tokens(token)


def _expiry(begun_at: int) -> int:
    """Until when (s) a session stands that is refreshed now: 30 days without use, and never beyond its greatest age."""
    oldest_s = begun_at // clock.SECOND + config().session_max_days * clock.DAY // clock.SECOND
    return min(clock.now_s() + SESSION_TTL_S, oldest_s)


def refresh(*, refresh_token: str, ip: str) -> IssuedTokens:
    """New tokens for a refresh token; the same ones for who presents it together with others, within 30 s.

    An older token has been copied: its session is ended and its owner told. Raises Unauthenticated for what is
    no token of ours, TokenRevoked, RefreshReused.
    """
    token = opened(refresh_token)
    return retried(lambda: _refresh(token, ip), on=Contended)


def _refresh(token: RefreshToken, ip: str) -> IssuedTokens:
    session = session_store.find(token.user_id, token.session_id)
    if session is None or not session.live or token.generation > session.generation:
        raise TokenRevoked
    expires_at_s = _expiry(session.created_at)
    if expires_at_s <= clock.now_s():  # it is older than a setting allows that has come since
        raise TokenRevoked
    successor = token.successor(session.salt)
    if (token.generation, token.hash) == (session.generation, session.current_hash):
        session_store.rotate(session, successor.hash, ip=ip, expires_at_s=expires_at_s)
        return _tokens(successor)
    before = (session.generation - 1, session.previous_hash)
    if (token.generation, token.hash) == before and clock.now() - session.rotated_at <= REFRESH_GRACE_MS:
        return _tokens(successor)
    _end_copied(session)
    raise RefreshReused


def _end_copied(session: AccountSession) -> None:
    doomed = [session.session_id]
    if not revoke(session.user_id, doomed, reason="refresh_reused", sockets_of=doomed):
        return  # who has ended it tells of it: the same token may be tried many times at once
    notify([session.user_id], "security", {"reason": "refresh_reused"})
    owner = store.credentials(session.user_id)
    if owner is not None:
        mail.enqueue_if_possible(mail.session_reused(owner, device_name=session.device_name))


def unused(tokens: Mapping[str, Any]) -> AccountSession | None:
    """The session that these tokens, as answered, are the latest of; None when it has ended or was given others since.

    Such tokens may be answered again: whoever was given them has come back for nothing yet.
    """
    token = opened(tokens["refresh_token"])
    session = session_store.find(token.user_id, token.session_id)
    return session if session is not None and session.live and session.current_hash == token.hash else None


def tokens_stand(first: FirstAnswer, **_: Any) -> bool:
    """Whether a repeated request is answered the same tokens again: until they are used or their session has ended."""
    return unused(first.body["tokens"]) is not None


def _tokens(token: RefreshToken) -> IssuedTokens:
    return IssuedTokens(
        access_token=auth.issue(token.user_id, token.session_id),
        refresh_token=token.sealed(),
        expires_in=auth.ACCESS_TTL_S,
        session_id=token.session_id,
    )


# --- listing and ending ---------------------------------------------------------------------------------------


def list_sessions(*, user_id: str, limit: int, after: str | None) -> Page[AccountSession]:
    """The sessions that stand, the newest first."""
    paging = Paginator(after, user_id, "sessions")
    found = session_store.live_ones(user_id)
    if paging.start is not None:
        found = [session for session in found if session.session_id < paging.start]
    return paging.page(found, limit, lambda each: each.session_id, list)


def shown(user_id: str) -> list[dict[str, Any]]:
    """The sessions that stand, for their person's copy of what is held on them."""
    return [
        {
            "session_id": each.session_id,
            "device_name": each.device_name,
            "ip": each.ip,
            "created_at": clock.rfc3339(each.created_at),
            "last_seen_at": clock.rfc3339(each.last_seen_at),
        }
        for each in session_store.live_ones(user_id)
    ]


def end_current(caller: Caller) -> None:
    """Sign out: end the session that calls."""
    revoke(caller.user_id, [caller.session_id], reason="logout", sockets_of=[caller.session_id])


def end_one(*, user_id: str, session_id: str) -> None:
    """End one of one's own sessions; raises NotFound, also for one that has ended: what should have followed its end is
    done again before, as the answer may have been lost and with it all that."""
    session = session_store.find(user_id, session_id) if ids.is_id(session_id, "ses") else None
    if session is None:
        raise NotFound
    revoke(user_id, [session_id], reason="revoked", sockets_of=[session_id])
    if not session.live:
        raise NotFound


def end_surplus(user_id: str, standing: Sequence[AccountSession], *, but: str) -> None:
    """End as many of these sessions as an account has too many, those unused for the longest time, but never `but`;
    tell of it. Whoever signs in last of many at once sees all of them, so none are left over."""
    surplus = len(standing) - config().sessions_max
    if surplus <= 0:
        return
    others = sorted((each for each in standing if each.session_id != but), key=lambda each: each.last_seen_at)
    ending = [each.session_id for each in others[:surplus]]
    if revoke(user_id, ending, reason="too_many_sessions", sockets_of=ending):
        notify([user_id], "security", {"reason": "too_many_sessions"})


def end_all(user_id: str, *, reason: str, but: str | None = None) -> None:
    """End all sessions of a person, but for one if so wished."""
    standing = [session.session_id for session in session_store.live_ones(user_id)]
    ending = [each for each in standing if each != but]
    # without an exception all sockets are closed, also those left by an end that was interrupted
    revoke(user_id, ending, reason=reason, sockets_of=None if but is None else ending)


def revoke(user_id: str, session_ids: Collection[str], *, reason: str, sockets_of: Collection[str] | None) -> set[str]:
    """End sessions at once, everywhere: first the truth, then what is remembered of it, then sockets (None: all).

    Sockets that cannot be closed now are closed by the sweep of follow-up work. Returns those sessions that this call
    has ended, which others may have done meanwhile.
    """
    everything = {
        "user_id": user_id,
        "session_ids": sorted(session_ids),
        "sockets_of": None if sockets_of is None else sorted(sockets_of),
        "reason": reason,
    }
    closing = FollowUp.of(CLOSE_SOCKETS, everything)
    ended = session_store.revoke(user_id, session_ids, stage=closing.stage)
    closing.complete()
    return ended


def _close_sockets(work: after_commit.Work) -> None:
    """Close the sockets of ended sessions, forget what is remembered of these as live, and tell of their end whoever
    keeps what stood on them, all at once; twice is fine. What fails is raised: the sweep brings it again."""
    remember = partial(session_ends.remember, work["session_ids"], until=clock.now() + session_ends.REPEATED_MS)
    steps = [remember, partial(_close, work), partial(_tell_loss, work)]
    failures = [failure for failure in parallel.mapped(_failure_of, steps) if failure is not None]
    if failures:
        raise failures[0]


def _failure_of(step: Callable[[], None]) -> Exception | None:
    """What a step raises: it keeps none of the others from being done."""
    try:
        step()
    except Exception as error:
        return error
    return None


def _close(work: after_commit.Work) -> None:
    sockets_of = work["sockets_of"]
    if sockets_of is None or sockets_of:
        realtime.close_sessions(work["user_id"], sockets_of, reason=work["reason"])


def _tell_loss(work: after_commit.Work) -> None:
    if work["session_ids"]:
        log.enqueue_loss(log.SessionsLost(work["user_id"], list(work["session_ids"]), clock.now()))


after_commit.register(CLOSE_SOCKETS, _close_sockets)
