"""Invitations by link: creating, listing, revoking and accepting them.

An invitation is over when the member who made it leaves or may no longer add people (R6), and while the platform bans
them.
"""

from __future__ import annotations

from typing import Any

from accounts import session_api as accounts
from conversations import api as conversations
from conversations.api import JoinContext, join_context, require_id, require_member
from invitations import requests, store
from invitations.model import TOKEN_BITS, Invitation
from kernel import clock, ids, telemetry
from kernel.caller import Caller
from kernel.config import config
from kernel.errors import Forbidden, Gone, NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction
from users import api as users


def create(
    *, caller: Caller, conversation_id: str, expires_in_s: int, max_uses: int | None, needs_approval: bool
) -> dict[str, Any]:
    """Create an invitation, as a member who may add people; this answer alone contains its token."""
    if needs_approval and max_uses is not None:
        raise ValidationFailed.of("max_uses", "where an admin decides on everybody, uses are not limited")
    require_member(conversation_id, caller.user_id).require_add()
    token, now = ids.token(TOKEN_BITS), clock.now()
    invitation = Invitation(
        id=ids.new("inv"),
        conversation_id=conversation_id,
        token_hash=store.hashed(token),
        created_by=caller.user_id,
        created_at=now,
        expires_at=now + expires_in_s * clock.SECOND,
        max_uses=max_uses,
        needs_approval=needs_approval,
    )
    store.keep(invitation)
    return view(invitation) | {"token": token, "url": f"{config().public_url}/invitations/{token}"}


def view(invitation: Invitation) -> dict[str, Any]:
    """An invitation as its conversation's admins see it, without its token."""
    return {
        "id": invitation.id,
        "conversation_id": invitation.conversation_id,
        "created_by": invitation.created_by,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "max_uses": invitation.max_uses,
        "uses": invitation.uses,
        "needs_approval": invitation.needs_approval,
        "state": invitation.state(clock.now()),
    }


def list_invitations(*, caller: Caller, conversation_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """A group's invitations, newest first: all of them for admins, their own for others."""
    context = require_member(conversation_id, caller.user_id)
    context.require_group()
    paging = Paginator(after, caller.user_id, "invitations", conversation_id)
    own = None if context.member.is_admin else caller.user_id
    found = store.invitations(conversation_id, created_by=own, after=paging.start, limit=limit + 1)
    return paging.page(found, limit, lambda each: each.id, lambda page: map(view, page))


def revoke(*, caller: Caller, conversation_id: str, invitation_id: str) -> None:
    """Revoke an invitation (its maker and admins); idempotent."""
    context = require_member(conversation_id, caller.user_id)
    context.require_group()
    invitation = store.by_id(conversation_id, invitation_id) if ids.is_id(invitation_id, "inv") else None
    if invitation is None or not (context.member.is_admin or invitation.created_by == caller.user_id):
        raise NotFound
    store.revoke(invitation, clock.now())


def preview(*, caller: Caller, token: str) -> dict[str, Any]:
    """The group behind a link, for a person who may join; raises the errors of `accept`."""
    invitation = store.by_token(token)
    users.require_reachable("invitation", caller.user_id, invitation.created_by)
    joining = _join_context(invitation, caller)
    if not joining.is_member:
        _require_may_join(joining, invitation)
    profile = joining.context.info
    return {
        "name": profile.name,
        "member_count": profile.member_count,
        "avatar_url": None,
        "needs_approval": invitation.needs_approval,
    }


def accept(*, caller: Caller, token: str) -> tuple[str, dict[str, Any] | None, bool]:
    """Accept an invitation; returns `joined` with the conversation, or `requested`; and whether that is new.

    For members it changes nothing, and no use is counted. Uses are counted in the transaction that adds the member, so
    concurrent calls never exceed `max_uses`. Raises NotFound for an unknown token and if its maker blocks the caller,
    Forbidden `blocked` and `banned`, Gone for an invitation that is over, Conflict `group_full`.
    """

    def attempt() -> tuple[str, dict[str, Any] | None, bool]:
        invitation = store.by_token(token)
        users.require_reachable("invitation", caller.user_id, invitation.created_by)
        return _ask(caller, invitation) if invitation.needs_approval else _enter(caller, invitation)

    return retried(attempt, on=Cancelled)


def _enter(caller: Caller, invitation: Invitation) -> tuple[str, dict[str, Any] | None, bool]:
    def count_use(transaction: Transaction) -> None:
        store.stage_use(transaction, invitation, now=clock.now())

    try:
        context, new = conversations.join(
            require_id(invitation.conversation_id),
            caller.user_id,
            invitation.created_by,
            admit=lambda joining: _require_may_join(joining, invitation),
            also=count_use,
        )
    except NotFound as error:
        raise Gone("This group is no longer there.") from error
    if new:
        telemetry.count("InvitationsAccepted")
    return "joined", conversations.conversation_view(context), new


def _ask(caller: Caller, invitation: Invitation) -> tuple[str, dict[str, Any] | None, bool]:
    joining = _join_context(invitation, caller)
    if joining.is_member:
        return "joined", conversations.conversation_view(joining.context), False
    _require_may_join(joining, invitation)
    return "requested", None, requests.ask(caller=caller, invitation=invitation)


def _join_context(invitation: Invitation, caller: Caller) -> JoinContext:
    try:
        return join_context(invitation.conversation_id, caller.user_id, invitation.created_by)
    except NotFound as error:
        raise Gone("This group is no longer there.") from error


def _require_may_join(joining: JoinContext, invitation: Invitation) -> None:
    """Require that a person who is not a member may join; raises Gone, Forbidden `banned`."""
    invitation.require_open(clock.now())
    settings = joining.context.info.settings
    if joining.inviter is None or not (joining.inviter.is_admin or settings.who_can_add == "all"):
        raise Gone("This invitation is over.")
    if accounts.is_banned(invitation.created_by):
        raise Gone("This invitation is over.")
    if joining.is_banned:
        raise Forbidden("You were removed from this group.", code="banned")
