"""Routes of invitations by link and requests to join."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - the contents of messages and the events of all domains
from accounts.api import authenticate
from conversations.schemas import MemberOut
from invitations import requests, service
from invitations.schemas import (
    Acceptance,
    CreatedInvitation,
    InvitationList,
    InvitationPreview,
    JoinRequestList,
    NewInvitation,
)
from kernel.answers import Answer
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from kernel.schema import Paging

INVITE = Limit("invite", requests=60, window_s=60)
FOLLOW = Limit("follow_invitation", requests=60, window_s=60)

app = App("invitations", authenticate=authenticate)


@app.post(
    "/conversations/{conversation_id}/invitations",
    body=NewInvitation,
    returns=CreatedInvitation,
    status=201,
    limits=[INVITE],
)
def create_invitation(caller: Caller, conversation_id: str, body: NewInvitation) -> Any:
    """Create an invitation link (members who may add people); this answer alone contains its token."""
    return service.create(
        caller=caller,
        conversation_id=conversation_id,
        expires_in_s=body.expires_in,
        max_uses=body.max_uses,
        needs_approval=body.needs_approval,
    )


@app.get("/conversations/{conversation_id}/invitations", query=Paging, returns=InvitationList)
def list_invitations(caller: Caller, conversation_id: str, query: Paging) -> Any:
    """A group's invitations, newest first: all of them for owner and admins, their own for others."""
    return service.list_invitations(
        caller=caller, conversation_id=conversation_id, limit=query.limit, after=query.cursor
    )


@app.delete("/conversations/{conversation_id}/invitations/{invitation_id}", status=204)
def revoke_invitation(caller: Caller, conversation_id: str, invitation_id: str) -> None:
    """End an invitation (its maker, owner and admins)."""
    service.revoke(caller=caller, conversation_id=conversation_id, invitation_id=invitation_id)


@app.get("/invitations/{token}", returns=InvitationPreview, errors=["blocked", "banned"], limits=[FOLLOW])
def preview_invitation(caller: Caller, token: str) -> Any:
    """The group behind a link: name, number of members, picture."""
    return service.preview(caller=caller, token=token)


@app.post(
    "/invitations/{token}/accept",
    returns=Acceptance,
    status=201,
    other_statuses=[200, 202],
    errors=["blocked", "banned", "group_full"],
    limits=[FOLLOW],
)
def accept_invitation(caller: Caller, token: str) -> Answer:
    """Join by a link (201), or request to join (202); 200 for members and repeated requests."""
    state, conversation, new = service.accept(caller=caller, token=token)
    status = 200 if not new else 201 if state == "joined" else 202
    return Answer({"state": state, "conversation": conversation}, status=status)


@app.get("/conversations/{conversation_id}/join-requests", query=Paging, returns=JoinRequestList)
def list_join_requests(caller: Caller, conversation_id: str, query: Paging) -> Any:
    """The pending requests to join (owner and admins)."""
    return requests.list_join_requests(
        caller=caller, conversation_id=conversation_id, limit=query.limit, after=query.cursor
    )


@app.post(
    "/conversations/{conversation_id}/join-requests/{user_id}/approve",
    returns=MemberOut,
    errors=["group_full"],
)
def approve_join_request(caller: Caller, conversation_id: str, user_id: str) -> Any:
    """Approve a request to join (owner and admins)."""
    return requests.approve(caller=caller, conversation_id=conversation_id, user_id=user_id)


@app.delete("/conversations/{conversation_id}/join-requests/{user_id}", status=204)
def end_join_request(caller: Caller, conversation_id: str, user_id: str) -> None:
    """Decline a request (owner and admins), or withdraw one's own."""
    requests.end(caller=caller, conversation_id=conversation_id, user_id=user_id)
