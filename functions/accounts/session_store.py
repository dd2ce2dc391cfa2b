"""Sessions in DynamoDB."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from pynamodb.attributes import UnicodeAttribute

from accounts.model import AccountSession, Contended
from kernel import clock
from kernel.dynamo import (
    TRANSACTION_MAX_ACTIONS,
    Cancelled,
    Record,
    TableName,
    Transaction,
    read_together,
)
from kernel.records import IntegerAttribute, Mapper
from kernel.resilience import retried

REVOKED_KEPT_S = 24 * 60 * 60
_ENDED_AT_ONCE = TRANSACTION_MAX_ACTIONS - 1  # one is for what else is staged


class SessionRecord(Record):
    class Meta:
        table_name = TableName("sessions", "access")

    user_id = UnicodeAttribute(hash_key=True)
    session_id = UnicodeAttribute(range_key=True)
    device_name = UnicodeAttribute(null=True)
    ip = UnicodeAttribute()
    created_at = IntegerAttribute()
    last_seen_at = IntegerAttribute()
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL
    generation = IntegerAttribute(default=0)
    current_hash = UnicodeAttribute()
    previous_hash = UnicodeAttribute(null=True)
    rotated_at = IntegerAttribute(default=0)
    salt = UnicodeAttribute()
    revoked_at = IntegerAttribute(null=True)
    proved_at = IntegerAttribute(null=True)


_SESSION = Mapper(
    SessionRecord,
    AccountSession,
    renamed={"expires_at_s": "expires_at"},
    proved_at=lambda row: row.proved_at or row.created_at,
)


def stage_new(transaction: Transaction, new: AccountSession) -> None:
    """A new session, as part of a transaction."""
    transaction.put("session", _SESSION.record(new, proved_at=new.proved_at))


def find(user_id: str, session_id: str) -> AccountSession | None:
    return _SESSION.found(SessionRecord.find(user_id, session_id))


def live_ones(user_id: str) -> list[AccountSession]:
    """The sessions that stand, the newest first."""
    rows = SessionRecord.query(
        user_id,
        filter_condition=SessionRecord.revoked_at.does_not_exist(),
        scan_index_forward=False,
        consistent_read=True,
    )
    return [session for session in _SESSION.values(rows) if session.live]


def live_among(pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these (user, session) whose session stands: one round trip per 100."""
    rows = read_together([(SessionRecord, pair) for pair in pairs])
    return {(each.user_id, each.session_id) for each in _SESSION.values(rows) if each.live}


def rotate(seen: AccountSession, successor_hash: str, *, ip: str, expires_at_s: int) -> None:
    """Keep the hash of the next refresh token and until when it is good; raises Contended when `seen` is not the
    present state any more."""
    actions = [
        SessionRecord.generation.set(seen.generation + 1),
        SessionRecord.current_hash.set(successor_hash),
        SessionRecord.previous_hash.set(seen.current_hash),
        SessionRecord.rotated_at.set(clock.now()),
        SessionRecord.last_seen_at.set(clock.now()),
        SessionRecord.expires_at.set(expires_at_s),
        SessionRecord.ip.set(ip),
    ]
    as_seen = (SessionRecord.current_hash == seen.current_hash) & SessionRecord.revoked_at.does_not_exist()
    if not SessionRecord(seen.user_id, seen.session_id).update_if(as_seen, *actions):
        raise Contended


def prove(user_id: str, session_id: str) -> None:
    """Note that the person of a session has just proved who they are; raises Contended if it has ended."""
    standing = SessionRecord.user_id.exists() & SessionRecord.revoked_at.does_not_exist()
    if not SessionRecord(user_id, session_id).update_if(standing, SessionRecord.proved_at.set(clock.now())):
        raise Contended


def revoke(user_id: str, session_ids: Collection[str], *, stage: Callable[[Transaction], None]) -> set[str]:
    """End sessions, with what else is staged; those that have gone or ended already are fine. Kept for a day.

    Returns those that this call has ended: of several at once one has.
    """
    ended: set[str] = set()
    ordered = sorted(session_ids)
    for start in range(0, len(ordered), _ENDED_AT_ONCE):
        pending = set(ordered[start : start + _ENDED_AT_ONCE])
        while pending:
            gone = retried(partial(_revoke, user_id, frozenset(pending), stage), on=Contended)
            pending -= gone
            if not gone:
                ended |= pending
                break
    return ended


def _revoke(user_id: str, session_ids: frozenset[str], stage: Callable[[Transaction], None]) -> frozenset[str]:
    """End these sessions, or none of them if some had gone before: those."""
    transaction = Transaction()
    stage(transaction)
    for session_id in session_ids:
        transaction.update(
            session_id,
            SessionRecord(user_id, session_id),
            [
                SessionRecord.revoked_at.set(clock.now()),
                SessionRecord.expires_at.set(clock.now_s() + REVOKED_KEPT_S),
            ],
            SessionRecord.user_id.exists() & SessionRecord.revoked_at.does_not_exist(),
        )
    try:
        transaction.commit()
    except Cancelled as error:
        if not error.failed:
            raise Contended from error
        return frozenset(error.failed)
    return frozenset()
