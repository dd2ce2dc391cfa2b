"""Requests to join a group: made by people with a link that needs approval, decided by admins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from conversations import api as conversations
from conversations.api import require_id, require_member
from conversations.model import MemberContext
from invitations import schemas, store
from invitations.model import Invitation, JoinRequest, RequestState
from kernel import clock, ids, telemetry
from kernel.caller import Caller
from kernel.errors import NotFound
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.schema import as_json
from kernel.transactions import Cancelled, Transaction
from log import api as log
from realtime.api import notify
from users import api as users


def ask(*, caller: Caller, invitation: Invitation) -> bool:
    """Make a request to join; False if there is one already."""
    request = JoinRequest(invitation.conversation_id, caller.user_id, invitation.id, clock.now())
    new = store.ask(request)
    if new:
        telemetry.count("JoinRequests")
        _tell_admins("join_request.created", request, "pending")
        about = {"conversation_id": request.conversation_id, "user_id": caller.user_id}
        notify("admins", "join_request", about, actor_id=caller.user_id)
    return new


def list_join_requests(*, caller: Caller, conversation_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The pending requests (for admins), ordered by user id, without those of people who are members by now or are
    being erased."""
    require_member(conversation_id, caller.user_id).require_admin()
    paging = Paginator(after, caller.user_id, "join-requests", conversation_id)
    found = store.requests(conversation_id, after=paging.start, limit=limit + 1, now=clock.now())

    def show(page: Sequence[JoinRequest]) -> list[dict[str, Any]]:
        asking = [each.user_id for each in page]
        inside, existing = conversations.members_among(conversation_id, asking), users.existing(asking)
        for user_id in inside:
            store.drop(conversation_id, user_id)
        pending = [each for each in page if each.user_id in existing and each.user_id not in inside]
        return _views(pending, "pending")

    return paging.page(found, limit, lambda each: each.user_id, show)


def approve(*, caller: Caller, conversation_id: str, user_id: str) -> dict[str, Any]:
    """Approve a request; idempotent for members. Raises NotFound without a request, Conflict `group_full`."""
    _require_person(user_id)
    return retried(partial(_approve, caller, require_id(conversation_id), user_id), on=Cancelled)


def _approve(caller: Caller, conversation_id: str, user_id: str) -> dict[str, Any]:
    require_member(conversation_id, caller.user_id).require_admin()
    request = store.request(conversation_id, user_id, clock.now())  # read before the membership
    member = conversations.member(conversation_id, user_id)
    if member is not None:
        store.drop(conversation_id, user_id)
        return conversations.member_views([member])[0]
    if request is None:
        raise NotFound
    users.require_user(user_id)  # nothing new begins with people who are being erased

    def plan(context: MemberContext) -> log.AppendPlan:
        context.require_admin()
        return conversations.plan_join(context, user_id, actor_id=caller.user_id, also=end_request)

    def end_request(transaction: Transaction) -> None:
        store.stage_answered(transaction, request)
        conversations.stage_unban(transaction, conversation_id, user_id)  # a removal meanwhile may have banned them

    context, events = conversations.append(conversation_id, caller.user_id, plan)
    conversations.publish_events(context, events)
    _tell_admins("join_request.updated", request, "approved")
    shown: dict[str, Any] = conversations.event_views(context, events)[0]["data"]
    return shown


def end(*, caller: Caller, conversation_id: str, user_id: str) -> None:
    """Decline a request (admins), or withdraw one's own; raises NotFound if there is none."""
    _require_person(user_id)
    own = user_id == caller.user_id
    if not own:
        require_member(conversation_id, caller.user_id).require_admin()
    request = store.request(require_id(conversation_id), user_id, clock.now())
    if request is None or not store.drop(conversation_id, user_id):
        raise NotFound
    _tell_admins("join_request.updated", request, "withdrawn" if own else "declined")


def _require_person(user_id: str) -> None:
    if not ids.is_id(user_id, "usr"):
        raise NotFound


def _views(requests: list[JoinRequest], state: RequestState) -> list[dict[str, Any]]:
    people = users.public_profiles([each.user_id for each in requests])
    return [
        {
            "user": people[each.user_id],
            "invitation_id": each.invitation_id,
            "requested_at": each.requested_at,
            "state": state,
        }
        for each in requests
        if each.user_id in people
    ]


def _tell_admins(kind: str, request: JoinRequest, state: RequestState) -> None:
    def shown() -> Any:
        return as_json(schemas.JoinRequestOut, _views([request], state)[0])

    conversations.publish_to_admins(request.conversation_id, kind, shown)
