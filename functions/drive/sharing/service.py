"""Shares with people and conversations; they are inherited by a folder's content and revoked immediately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conversations import api as conversations
from conversations.api import require_member
from drive import model, store, views
from drive.files import access
from drive.files import service as files
from drive.model import Grant, Role
from drive.sharing import share_store
from drive.uploads import lost_access
from kernel import clock, ids, parallel
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from realtime.api import notify
from users import api as users


def share(
    *, caller: Caller, node_id: str, file: bool, user_id: str | None, conversation_id: str | None, role: Role
) -> dict[str, Any]:
    """Share a node with a person or one of the owner's conversations; sharing again changes role and time.

    Raises NotFound, Forbidden for others than the owner, NotReady, ValidationFailed, Conflict `too_many`.
    """
    found = access.require_node(node_id, caller.user_id, "owner", kind="file" if file else "folder")
    if found.node.state in ("trashed", "rejected"):
        raise model.NotReady
    if (user_id is None) == (conversation_id is None):
        raise ValidationFailed.of("user_id", "give either user_id or conversation_id")
    grantee = _person(caller, user_id) if user_id is not None else _conversation(caller, conversation_id or "")
    before = next((each for each in found.shares if each.grantee == grantee), None)
    if before is None and len(found.shares) >= model.MAX_SHARES:
        raise Conflict(f"At most {model.MAX_SHARES} shares; share with a conversation instead.", code="too_many")
    made = share_store.put(Grant(ids.new("shr"), node_id, grantee, role, clock.now(), caller.user_id))
    files.record_activity(found.node, caller.user_id, "shared", grantee=grantee, role=role)
    if before is None:
        _notify_grantee(caller, made, "file_id" if file else "folder_id", user_id, conversation_id)
    elif model.RANK[role] < model.RANK[before.role]:
        lost_access.abort_in_drive(caller.user_id)
    return _views([made])[0]


def _notify_grantee(caller: Caller, made: Grant, noun: str, user_id: str | None, conversation_id: str | None) -> None:
    reference = {"share_id": made.share_id, noun: made.node_id, "conversation_id": conversation_id}
    notify("members" if user_id is None else [user_id], "file_shared", reference, actor_id=caller.user_id)


def _person(caller: Caller, user_id: str) -> str:
    users.require_user(user_id)
    if user_id == caller.user_id:
        raise ValidationFailed.of("user_id", "this is yours already")
    users.require_reachable("share", caller.user_id, user_id)
    return user_id


def _conversation(caller: Caller, conversation_id: str) -> str:
    context = require_member(conversation_id, caller.user_id)
    context.require_send()
    context.require_plain()
    return conversation_id


def _views(shares: Sequence[Grant]) -> list[dict[str, Any]]:
    people = users.public_profiles([each.grantee for each in shares if each.grantee.startswith("usr_")])
    return [
        {
            "id": each.share_id,
            "role": each.role,
            "user": people.get(each.grantee),
            "user_id": each.grantee if each.grantee.startswith("usr_") else None,
            "conversation_id": each.grantee if each.grantee.startswith("cnv_") else None,
            "created_at": each.created_at,
        }
        for each in shares
    ]


def list_shares(*, caller: Caller, node_id: str, file: bool, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The shares of this very node, for its owner."""
    found = access.require_node(node_id, caller.user_id, "owner", kind="file" if file else "folder")
    paging = Paginator(after, caller.user_id, "shares", node_id)
    shares = sorted(found.shares, key=lambda each: each.grantee)
    return paging.page_of_all(shares, limit, lambda each: each.grantee, _views)


def unshare(*, caller: Caller, node_id: str, share_id: str, file: bool) -> None:
    """Revoke a share as the owner, or leave it as the grantee; effective immediately, for uploads under way as well.

    Raises NotFound, Forbidden.
    """
    found = store.node_access(node_id) if ids.is_id(node_id, "fil" if file else "fol") else None
    if found is None:
        raise NotFound
    chosen = next((each for each in found.shares if each.share_id == share_id), None)
    if chosen is None or chosen.grantee != caller.user_id:
        access.require_node(node_id, caller.user_id, "owner", kind="file" if file else "folder")
    if chosen is None:
        raise NotFound
    share_store.remove(chosen)
    lost_access.abort_in_drive(found.node.owner_id)
    files.record_activity(found.node, caller.user_id, "unshared", grantee=chosen.grantee)


def shared_with_me(*, caller: Caller, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """Nodes shared with the caller or with their conversations, grouped by grantee."""
    paging = Paginator(after, caller.user_id, "shared-with-me")
    start, last = paging.start or ("", None)
    grantees = [caller.user_id, *sorted(conversations.conversations_of(caller.user_id))]
    left = [each for each in grantees if start in ("", caller.user_id) or (each.startswith("cnv_") and each >= start)]
    rows: list[Grant] = []

    def granted(grantee: str) -> list[Grant]:
        return store.granted(grantee, after=last if grantee == start else None, limit=limit + 1)

    for first in range(0, len(left), parallel.MAX_AT_ONCE):
        for found in parallel.mapped(granted, left[first : first + parallel.MAX_AT_ONCE]):
            rows += found
        if len(rows) > limit:
            break
    return paging.page(
        rows, limit, lambda row: [row.grantee, row.node_id], lambda page: _shared(caller, page, grantees)
    )


def _shared(caller: Caller, rows: Sequence[Grant], grantees: list[str]) -> list[dict[str, Any]]:
    """The views of shares that are still valid: the index is eventually consistent, and members may have left.

    A node that several grantees have is listed for the first of them only, so that it appears once over all pages.
    """
    node_ids = list(dict.fromkeys(each.node_id for each in rows))
    levels = dict(zip(node_ids, parallel.mapped(store.node_access, node_ids), strict=True))
    owners = users.public_profiles([each.node.owner_id for each in levels.values() if each is not None])
    now = clock.now()
    items = []
    for each in rows:
        found = levels[each.node_id]
        if found is None or found.node.owner_id == caller.user_id or found.node.state != "ready":
            continue
        current = {share.grantee for share in found.shares if not model.has_expired(share, now)}
        if each.grantee != next((grantee for grantee in grantees if grantee in current), None):
            continue
        role = access.role_on(found, caller.user_id)
        if role is not None:
            shared_by = owners.get(found.node.owner_id)
            items.append({**views.entry(found.node), "role": role, "shared_by": shared_by})
    return items


def gallery(*, caller: Caller, conversation_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The ready files of a conversation that the caller may see, latest first."""
    context = require_member(conversation_id, caller.user_id)
    paging = Paginator(after, caller.user_id, "gallery", conversation_id)
    rows = sorted([-row.created_at, row.node_id] for row in store.everything_in(conversation_id))
    rows = [row for row in rows if paging.start is None or row > paging.start]

    def render(page: Sequence[Any]) -> list[dict[str, Any]]:
        found = store.nodes([node_id for _, node_id in page])
        return [
            views.file(node)
            for _, node_id in page
            if (node := found.get(node_id)) is not None
            and node.state == "ready"
            and access.is_visible_to(context, node)
        ]

    return paging.page(rows, limit, lambda row: row, render)
