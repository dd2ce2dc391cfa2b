"""Who may use a node: fetching and authorising are one call. Grants count from the node upwards (R6: read fresh)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conversations import api as conversations
from conversations.model import MemberContext
from drive import store
from drive.item_store import NodeAccess
from drive.model import MAX_DEPTH, RANK, Kind, Node, Role, is_over, require_role, stronger
from kernel import clock, ids
from kernel.errors import NotFound

_PREFIX: dict[Kind, str] = {"file": "fil", "folder": "fol"}


def require_node(node_id: str, user_id: str, need: Role = "viewer", *, kind: Kind) -> NodeAccess:
    """The node if this person has the role that is needed on it.

    Raises NotFound for whoever may not know of it, Forbidden for a lesser role. One round trip for the owner and
    for direct shares, one more for each folder above until a grant suffices.
    """
    if not ids.is_id(node_id, _PREFIX[kind]):
        raise NotFound
    found = store.node_access(node_id)
    if found is None or found.node.kind != kind:
        raise NotFound
    require_role(_role(found, user_id, need), need)
    return found


def role_on(found: NodeAccess, user_id: str) -> Role | None:
    """The strongest role of a person on a node."""
    return _role(found, user_id, "owner")


def first_of_theirs(conversation_ids: list[str], user_id: str) -> str | None:
    """The first of these conversations that the person is in now."""
    theirs = conversations.contexts(conversation_ids, user_id) if conversation_ids else {}
    return next((each for each in conversation_ids if each in theirs), None)


def may_still_upload(found: NodeAccess, user_id: str, *, new_file: bool) -> bool:
    """Whether an upload that was begun may end in this file: an editor's, and a new file of a conversation's member."""
    role = _role(found, user_id, "editor")
    if role is None or RANK[role] < RANK["editor"]:
        return False
    room = found.node.conversation_id
    return not new_file or room is None or room in conversations.contexts([room], user_id)


def _role(found: NodeAccess, user_id: str, enough: Role) -> Role | None:
    if found.node.owner_id == user_id:
        return "owner"
    role: Role | None = None
    for each in _upwards(found):
        if each.node.state == "trashed":
            return None
        role = stronger(role, _granted(each, user_id))
        if role is not None and RANK[role] >= RANK[enough]:
            break
    return role


def _upwards(found: NodeAccess) -> Iterator[NodeAccess]:
    """The node and the folders above it."""
    yield found
    for _ in range(2 * MAX_DEPTH):
        if found.node.folder_id is None:
            return
        above = store.node_access(found.node.folder_id)
        if above is None:
            return
        yield above
        found = above


def _granted(found: NodeAccess, user_id: str) -> Role | None:
    """What one level grants: to the person, or to a conversation that they are in now."""
    now = clock.now()
    grants = {share.grantee: share for share in found.shares if not is_over(share, now)}
    role: Role | None = grants[user_id].role if user_id in grants else None
    bound_to = found.node.conversation_id
    wanted = [grantee for grantee in grants if grantee.startswith("cnv_")]
    contexts = conversations.contexts(list(dict.fromkeys([*wanted, *([bound_to] if bound_to else [])])), user_id)
    for conversation_id, context in contexts.items():
        given = grants.get(conversation_id)
        if given is not None and _is_theirs(context, given.message_seq):
            role = stronger(role, given.role)
        if conversation_id == bound_to and shows(context, found.node):
            role = stronger(role, "viewer")
    return role


def _is_theirs(context: MemberContext, message_seq: int | None) -> bool:
    """Whether what went with a message is this member's to have: not if it was sent before they came."""
    return message_seq is None or message_seq >= context.member.visible_from


def shows(context: MemberContext, node: Node) -> bool:
    """Whether a file of a conversation is within what this member may see of it now."""
    if is_over(node, clock.now()):
        return False
    if node.message_seq is not None:
        return _is_theirs(context, node.message_seq)
    return context.member.visible_from <= 1 or node.created_at >= context.member.joined_at


def above(node: Node) -> list[Node]:
    """The folders above a node, nearest first."""
    return [each.node for each in _upwards(NodeAccess(replace(node)))][1:]
