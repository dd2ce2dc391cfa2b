"""Sessions in DynamoDB."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from accounts.commits import Contended, commit
from accounts.sessions.model import RETURN_S, AccountSession
from kernel import clock
from kernel.dynamo import Record
from kernel.reads import read_together
from kernel.records import IntegerAttribute, Mapper
from kernel.resilience import retried
from kernel.transactions import TRANSACTION_MAX_ACTIONS, Transaction

REVOKED_KEPT_S = 24 * 60 * 60
_ENDED_AT_ONCE = TRANSACTION_MAX_ACTIONS - 1  # one action is left for `stage`


class SessionRecord(Record, table="sessions", group="access"):
    user_id = UnicodeAttribute(hash_key=True)
    session_id = UnicodeAttribute(range_key=True)
    device_name = UnicodeAttribute(null=True)
    ip = UnicodeAttribute()
    created_at = IntegerAttribute()
    last_seen_at = IntegerAttribute()
    ends_at = IntegerAttribute(null=True)  # seconds: when the session expires; older rows have `expires_at` only
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL, later by as long as `AccountSession.keeps_device`
    generation = IntegerAttribute(default=0)
    current_hash = UnicodeAttribute()
    previous_hash = UnicodeAttribute(null=True)
    rotated_at = IntegerAttribute(default=0)
    salt = UnicodeAttribute()
    revoked_at = IntegerAttribute(null=True)
    proved_at = IntegerAttribute(null=True)
    two_factors = BooleanAttribute(default=False)
    must_enrol = BooleanAttribute(default=False)
    may_return = BooleanAttribute(default=False)


_SESSION = Mapper(
    SessionRecord,
    AccountSession,
    expires_at_s=lambda row: row.ends_at or row.expires_at,
    proved_at=lambda row: row.proved_at or row.created_at,
)


def stage_new(transaction: Transaction, new: AccountSession) -> None:
    """Add a session, as part of a transaction."""
    ends = {"ends_at": new.expires_at_s, "expires_at": new.expires_at_s + RETURN_S}
    transaction.put("session", _SESSION.record(new, proved_at=new.proved_at, **ends))


def find(user_id: str, session_id: str) -> AccountSession | None:
    return _SESSION.found(SessionRecord.find(user_id, session_id))


def live_sessions(user_id: str) -> list[AccountSession]:
    """A person's live sessions, newest first."""
    rows = SessionRecord.query(
        user_id,
        filter_condition=SessionRecord.revoked_at.does_not_exist(),
        scan_index_forward=False,
        consistent_read=True,
    )
    return [session for session in _SESSION.values(rows) if session.live]


def live_sessions_among(pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """The live sessions among these (user, session): one round trip per 100."""
    rows = read_together([(SessionRecord, pair) for pair in pairs])
    return {(each.user_id, each.session_id) for each in _SESSION.values(rows) if each.live}


def rotate(
    seen: AccountSession, successor_hash: str, *, ip: str, expires_at_s: int, ends_enrolment: bool = False
) -> None:
    """Save the hash and expiry of the next refresh token; with `ends_enrolment` nothing is to be enrolled any more.

    Raises Contended if the session has got another token or ended since `seen`; a factor may have been enrolled.
    """
    actions = [
        SessionRecord.generation.set(seen.generation + 1),
        SessionRecord.current_hash.set(successor_hash),
        SessionRecord.previous_hash.set(seen.current_hash),
        SessionRecord.rotated_at.set(clock.now()),
        SessionRecord.last_seen_at.set(clock.now()),
        SessionRecord.ends_at.set(expires_at_s),
        SessionRecord.expires_at.set(expires_at_s + RETURN_S),
        SessionRecord.ip.set(ip),
        *([SessionRecord.must_enrol.set(False)] if ends_enrolment else []),
    ]
    unchanged = (SessionRecord.current_hash == seen.current_hash) & SessionRecord.revoked_at.does_not_exist()
    if not SessionRecord(seen.user_id, seen.session_id).update_if(unchanged, *actions):
        raise Contended


def prove(user_id: str, session_id: str) -> None:
    """Save the time of a step-up; raises Contended if the session has ended."""
    if not SessionRecord(user_id, session_id).update_if(_not_ended(), SessionRecord.proved_at.set(clock.now())):
        raise Contended


def stage_enrolled(transaction: Transaction, user_id: str, session_id: str) -> None:
    """Note that a second factor was enrolled in a session (label `session` fails if it has ended)."""
    actions: list[Action] = [SessionRecord.two_factors.set(True), SessionRecord.must_enrol.set(False)]
    transaction.update("session", SessionRecord(user_id, session_id), actions, _not_ended())


def forget_two_factors(user_id: str) -> None:
    """Note that none of a person's live sessions counts as confirmed by two factors any more."""
    for each in live_sessions(user_id):
        if each.two_factors:
            row = SessionRecord(user_id, each.session_id)
            row.update_if(_not_ended(), SessionRecord.two_factors.set(False))


def _not_ended() -> Condition:
    condition: Condition = SessionRecord.user_id.exists() & SessionRecord.revoked_at.does_not_exist()
    return condition


def revoke(
    user_id: str, session_ids: Collection[str], *, stage: Callable[[Transaction], None], may_return: bool = False
) -> set[str]:
    """End sessions, together with the actions of `stage`.

    Ended sessions are kept for a day, or as long as their devices `may_return`. Returns the sessions that this call has
    ended; ended, missing and concurrently ended ones are skipped.
    """
    ended: set[str] = set()
    ordered = sorted(session_ids)
    for start in range(0, len(ordered), _ENDED_AT_ONCE):
        pending = set(ordered[start : start + _ENDED_AT_ONCE])
        while pending:
            gone = retried(partial(_revoke, user_id, frozenset(pending), may_return, stage), on=Contended)
            pending -= gone
            if not gone:
                ended |= pending
                break
    return ended


def release_devices(user_id: str, *, since: str = "") -> None:
    """Let go of the devices that stay after sessions that have expired or ended (`AccountSession.keeps_device`).

    With `since` only of the session with this id and newer ones; ids sort by the time of creation.
    """
    newer = SessionRecord.session_id >= since if since else None
    for each in _SESSION.values(SessionRecord.query(user_id, newer, consistent_read=True)):
        release_device(each)


def release_device(session: AccountSession) -> None:
    """Let go of the device that stays after a session, if this has expired or ended."""
    if session.keeps_device and not session.live:
        SessionRecord(session.user_id, session.session_id).update_if(
            SessionRecord.user_id.exists(),
            SessionRecord.revoked_at.set(session.revoked_at or clock.now()),
            SessionRecord.may_return.set(False),
            SessionRecord.expires_at.set(clock.now_s() + REVOKED_KEPT_S),
        )


def _revoke(
    user_id: str, session_ids: frozenset[str], may_return: bool, stage: Callable[[Transaction], None]
) -> frozenset[str]:
    """End all of these sessions, or none if some have ended already; returns the latter."""
    transaction = Transaction()
    stage(transaction)
    for session_id in session_ids:
        transaction.update(
            session_id,
            SessionRecord(user_id, session_id),
            [
                SessionRecord.revoked_at.set(clock.now()),
                SessionRecord.may_return.set(may_return),
                SessionRecord.expires_at.set(clock.now_s() + (RETURN_S if may_return else REVOKED_KEPT_S)),
            ],
            _not_ended(),
        )
    return commit(transaction)
