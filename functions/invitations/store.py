"""Invitations and requests to join in DynamoDB. Of a token only its hash is kept."""

from __future__ import annotations

import hashlib

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, PutError, UpdateError

from invitations.model import KEPT_AFTER_MS, REQUEST_LIFE_MS, Invitation, JoinRequest
from kernel import clock
from kernel.dynamo import Record, TableName, Transaction, condition_failed
from kernel.errors import NotFound

_INVITATION, _REQUEST, _TOKEN = "inv_", "request#", "token"


class InvitationRecord(Record):
    """Under a conversation its invitations (by id) and requests (by person); under a token's hash where it leads."""

    class Meta:
        table_name = TableName("invitations")

    scope = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    created_at = NumberAttribute(null=True)
    expires_at = NumberAttribute()  # seconds: DynamoDB's TTL
    # invitation
    token_hash = UnicodeAttribute(null=True)
    created_by = UnicodeAttribute(null=True)
    ends_at = NumberAttribute(null=True)
    max_uses = NumberAttribute(null=True)
    uses = NumberAttribute(null=True)
    needs_approval = BooleanAttribute(null=True)
    revoked_at = NumberAttribute(null=True)
    # token
    conversation_id = UnicodeAttribute(null=True)
    # token and request
    invitation_id = UnicodeAttribute(null=True)


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _invitation(record: InvitationRecord) -> Invitation:
    return Invitation(
        id=record.entry,
        conversation_id=record.scope,
        token_hash=record.token_hash,
        created_by=record.created_by,
        created_at=int(record.created_at),
        expires_at=int(record.ends_at),
        max_uses=None if record.max_uses is None else int(record.max_uses),
        needs_approval=record.needs_approval,
        uses=int(record.uses),
        revoked_at=None if record.revoked_at is None else int(record.revoked_at),
    )


def _request(record: InvitationRecord) -> JoinRequest:
    user_id = record.entry.removeprefix(_REQUEST)
    return JoinRequest(record.scope, user_id, record.invitation_id, int(record.created_at))


# --- invitations ----------------------------------------------------------------------------------------------


def keep(invitation: Invitation) -> None:
    """Keep a new invitation and where its token leads."""
    swept_at = (invitation.expires_at + KEPT_AFTER_MS) // clock.SECOND
    transaction = Transaction()
    transaction.put(
        "invitation",
        InvitationRecord(
            invitation.conversation_id,
            invitation.id,
            created_at=invitation.created_at,
            expires_at=swept_at,
            token_hash=invitation.token_hash,
            created_by=invitation.created_by,
            ends_at=invitation.expires_at,
            max_uses=invitation.max_uses,
            uses=invitation.uses,
            needs_approval=invitation.needs_approval,
        ),
    )
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
    """Where a token leads, in two round trips; raises NotFound."""
    found = InvitationRecord.find(f"{_TOKEN}#{hashed(token)}", _TOKEN)
    invitation = None if found is None else by_id(found.conversation_id, found.invitation_id)
    if invitation is None:
        raise NotFound
    return invitation


def by_id(conversation_id: str, invitation_id: str) -> Invitation | None:
    record = InvitationRecord.find(conversation_id, invitation_id)
    return None if record is None else _invitation(record)


def invitations(conversation_id: str, *, created_by: str | None, after: str | None, limit: int) -> list[Invitation]:
    """A conversation's invitations, newest first, from before the given one: all, or one person's."""
    rows = InvitationRecord.query(
        conversation_id,
        InvitationRecord.entry.startswith(_INVITATION),
        filter_condition=None if created_by is None else InvitationRecord.created_by == created_by,
        consistent_read=True,
        scan_index_forward=False,
        limit=limit,
        last_evaluated_key=None if after is None else _key(conversation_id, after),
    )
    return [_invitation(row) for row in rows]


def revoke(invitation: Invitation, now: int) -> None:
    """End an invitation; one that has ended is left as it is."""
    record = InvitationRecord(invitation.conversation_id, invitation.id)
    try:
        record.update(
            [InvitationRecord.revoked_at.set(now)],
            condition=InvitationRecord.scope.exists() & InvitationRecord.revoked_at.does_not_exist(),
        )
    except UpdateError as error:
        if not condition_failed(error):
            raise


def stage_use(transaction: Transaction, invitation: Invitation, *, now: int) -> None:
    """Count one more who became a member by an invitation that is open (label `invitation`)."""
    of = InvitationRecord
    is_open = of.revoked_at.does_not_exist() & (of.ends_at > now)
    if invitation.max_uses is not None:
        is_open &= of.uses < invitation.max_uses
    record = of(invitation.conversation_id, invitation.id)
    transaction.update("invitation", record, [of.uses.add(1)], is_open)


# --- requests to join -----------------------------------------------------------------------------------------


def ask(request: JoinRequest) -> bool:
    """Keep a request; False if one of this person stands already."""
    of = InvitationRecord
    record = of(
        request.conversation_id,
        f"{_REQUEST}{request.user_id}",
        created_at=request.requested_at,
        expires_at=(request.requested_at + REQUEST_LIFE_MS) // clock.SECOND + 1,
        invitation_id=request.invitation_id,
    )
    lapsed = of.created_at <= request.requested_at - REQUEST_LIFE_MS
    try:
        record.save(condition=of.scope.does_not_exist() | lapsed)
    except PutError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def request(conversation_id: str, user_id: str, now: int) -> JoinRequest | None:
    """Somebody's pending request."""
    record = InvitationRecord.find(conversation_id, f"{_REQUEST}{user_id}")
    found = None if record is None else _request(record)
    return found if found is not None and found.is_pending(now) else None


def requests(conversation_id: str, *, after: str | None, limit: int, now: int) -> list[JoinRequest]:
    """The pending requests to join a conversation, by the person's id, from after the given one."""
    rows = InvitationRecord.query(
        conversation_id,
        InvitationRecord.entry.startswith(_REQUEST),
        filter_condition=InvitationRecord.created_at > now - REQUEST_LIFE_MS,
        consistent_read=True,
        limit=limit,
        last_evaluated_key=None if after is None else _key(conversation_id, f"{_REQUEST}{after}"),
    )
    return [_request(row) for row in rows]


def stage_answered(transaction: Transaction, request: JoinRequest) -> None:
    """End a request that stands (label `request`)."""
    record = InvitationRecord(request.conversation_id, f"{_REQUEST}{request.user_id}")
    transaction.delete("request", record, InvitationRecord.scope.exists())


def drop(conversation_id: str, user_id: str) -> bool:
    """End a request; False if none stands."""
    record = InvitationRecord(conversation_id, f"{_REQUEST}{user_id}")
    try:
        record.delete(condition=InvitationRecord.scope.exists())
    except DeleteError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def _key(scope: str, entry: str) -> dict[str, dict[str, str]]:
    return {"scope": {"S": scope}, "entry": {"S": entry}}
