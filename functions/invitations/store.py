"""Invitations and requests to join in DynamoDB. Tokens are stored as hashes only."""

from __future__ import annotations

import hashlib
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from invitations.model import KEPT_AFTER_MS, REQUEST_LIFE_MS, Invitation, JoinRequest
from kernel import clock
from kernel.dynamo import Record
from kernel.errors import NotFound
from kernel.records import IntegerAttribute, Mapper
from kernel.transactions import Transaction

_INVITATION, _REQUEST, _TOKEN = "inv_", "request#", "token"
_PER_STEP = 200


class InvitationRecord(Record, table="invitations"):
    """In the scope of a conversation its invitations (by id) and requests (by person); in that of a token's hash the
    invitation it belongs to."""

    scope = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    created_at = IntegerAttribute(null=True)
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL
    # invitation
    token_hash = UnicodeAttribute(null=True)
    created_by = UnicodeAttribute(null=True)
    ends_at = IntegerAttribute(null=True)
    max_uses = IntegerAttribute(null=True)
    uses = IntegerAttribute(null=True)
    needs_approval = BooleanAttribute(null=True)
    revoked_at = IntegerAttribute(null=True)
    # token
    conversation_id = UnicodeAttribute(null=True)
    # token and request
    invitation_id = UnicodeAttribute(null=True)


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


_INVITE = Mapper(
    InvitationRecord, Invitation, renamed={"id": "entry", "conversation_id": "scope", "expires_at": "ends_at"}
)
_ASKED = Mapper(
    InvitationRecord,
    JoinRequest,
    renamed={"conversation_id": "scope", "requested_at": "created_at"},
    user_id=lambda record: record.entry.removeprefix(_REQUEST),
)


# --- invitations ----------------------------------------------------------------------------------------------


def keep(invitation: Invitation) -> None:
    """Store a new invitation and its token."""
    swept_at = (invitation.expires_at + KEPT_AFTER_MS) // clock.SECOND
    transaction = Transaction()
    transaction.put("invitation", _INVITE.record(invitation, expires_at=swept_at))
    leads_to = InvitationRecord(
        f"{_TOKEN}#{invitation.token_hash}",
        _TOKEN,
        expires_at=swept_at,
        conversation_id=invitation.conversation_id,
        invitation_id=invitation.id,
    )
    transaction.put("token", leads_to)
    transaction.commit()


def by_token(token: str) -> Invitation:
    """The invitation of a token, in two round trips; raises NotFound."""
    found = InvitationRecord.find(f"{_TOKEN}#{hashed(token)}", _TOKEN)
    invitation = None if found is None else by_id(found.conversation_id, found.invitation_id)
    if invitation is None:
        raise NotFound
    return invitation


def by_id(conversation_id: str, invitation_id: str) -> Invitation | None:
    return _INVITE.found(InvitationRecord.find(conversation_id, invitation_id))


def invitations(conversation_id: str, *, created_by: str | None, after: str | None, limit: int) -> list[Invitation]:
    """A conversation's invitations, newest first, from after `after`: all, or one person's."""
    rows = InvitationRecord.query(
        conversation_id,
        InvitationRecord.entry.startswith(_INVITATION),
        filter_condition=None if created_by is None else InvitationRecord.created_by == created_by,
        consistent_read=True,
        scan_index_forward=False,
        limit=limit,
        last_evaluated_key=None if after is None else InvitationRecord.start(conversation_id, after),
    )
    return _INVITE.values(rows)


def made_by(user_id: str) -> list[Invitation]:
    """A person's invitations to any conversation, by a scan of the table."""
    rows = InvitationRecord.scan(InvitationRecord.created_by == user_id)
    return _INVITE.values(rows)


def revoke(invitation: Invitation, now: int) -> None:
    """Revoke an invitation; idempotent."""
    of = InvitationRecord
    stands = of.scope.exists() & of.revoked_at.does_not_exist()
    of(invitation.conversation_id, invitation.id).update_if(stands, of.revoked_at.set(now))


def stage_use(transaction: Transaction, invitation: Invitation, *, now: int) -> None:
    """Count a use of an invitation; label `invitation` fails if it is not open."""
    of = InvitationRecord
    is_open = of.revoked_at.does_not_exist() & (of.ends_at > now)
    if invitation.max_uses is not None:
        is_open &= of.uses < invitation.max_uses
    record = of(invitation.conversation_id, invitation.id)
    transaction.update("invitation", record, [of.uses.add(1)], is_open)


# --- requests to join -----------------------------------------------------------------------------------------


def ask(request: JoinRequest) -> bool:
    """Store a request; False if the person has a pending one."""
    of = InvitationRecord
    expires_at = (request.requested_at + REQUEST_LIFE_MS) // clock.SECOND + 1
    record = _ASKED.record(request, entry=f"{_REQUEST}{request.user_id}", expires_at=expires_at)
    lapsed = of.created_at <= request.requested_at - REQUEST_LIFE_MS
    return record.save_if(of.scope.does_not_exist() | lapsed)


def request(conversation_id: str, user_id: str, now: int) -> JoinRequest | None:
    """Somebody's pending request."""
    found = _ASKED.found(InvitationRecord.find(conversation_id, f"{_REQUEST}{user_id}"))
    return found if found is not None and found.is_pending(now) else None


def requests_of(user_id: str, now: int) -> list[JoinRequest]:
    """A person's pending requests to join any conversation, by a scan of the table."""
    rows = InvitationRecord.scan(InvitationRecord.entry == f"{_REQUEST}{user_id}")
    return [each for each in _ASKED.values(rows) if each.is_pending(now)]


def requests(conversation_id: str, *, after: str | None, limit: int, now: int) -> list[JoinRequest]:
    """The pending requests to join a conversation, ordered by the person's id, from after `after`."""
    rows = InvitationRecord.query(
        conversation_id,
        InvitationRecord.entry.startswith(_REQUEST),
        filter_condition=InvitationRecord.created_at > now - REQUEST_LIFE_MS,
        consistent_read=True,
        limit=limit,
        last_evaluated_key=None if after is None else InvitationRecord.start(conversation_id, f"{_REQUEST}{after}"),
    )
    return _ASKED.values(rows)


def stage_answered(transaction: Transaction, request: JoinRequest) -> None:
    """Delete a request; label `request` fails if there is none."""
    record = InvitationRecord(request.conversation_id, f"{_REQUEST}{request.user_id}")
    transaction.delete("request", record, InvitationRecord.scope.exists())


def drop(conversation_id: str, user_id: str) -> bool:
    """Delete a request; False if there is none."""
    record = InvitationRecord(conversation_id, f"{_REQUEST}{user_id}")
    return record.delete_if(InvitationRecord.scope.exists())


# --- erasure --------------------------------------------------------------------------------------------------


def erase(conversation_id: str, _cursor: Any = None) -> bool | None:
    """Erase some invitations and requests of a deleted conversation; True if there may be more, else None."""
    rows = list(InvitationRecord.query(conversation_id, consistent_read=True, limit=_PER_STEP))
    tokens = [InvitationRecord(f"{_TOKEN}#{row.token_hash}", _TOKEN) for row in rows if row.token_hash is not None]
    InvitationRecord.delete_all([*tokens, *rows])
    return True if len(rows) == _PER_STEP else None
