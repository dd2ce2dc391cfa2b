"""Access control of nodes: one call fetches and authorises. Grants are inherited from folders and read fresh (R6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conversations import api as conversations
from conversations.model import MemberContext
from drive import store
from drive.item_store import NodeAccess
from drive.media_types import ENCRYPTED_TYPE
from drive.model import MAX_DEPTH, RANK, Kind, Node, PendingUpload, Role, has_expired, require_role, stronger
from kernel import clock, ids
from kernel.errors import NotFound

_PREFIX: dict[Kind, str] = {"file": "fil", "folder": "fol"}


def require_node(node_id: str, user_id: str, need: Role = "viewer", *, kind: Kind) -> NodeAccess:
    """The node, if this person has at least role `need` on it.

    Raises NotFound without any role, Forbidden with a lesser one. One round trip for the owner and for direct shares,
    one more for each ancestor until a grant suffices.
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


def first_conversation_of(conversation_ids: list[str], user_id: str) -> str | None:
    """The first of these conversations that the person is a member of."""
    theirs = conversations.contexts(conversation_ids, user_id) if conversation_ids else {}
    return next((each for each in conversation_ids if each in theirs), None)


def may_still_upload(found: NodeAccess, upload: PendingUpload) -> bool:
    """Whether the uploader may still complete an upload: as editor, as member for a new file of a conversation, and if
    that has become encrypted meanwhile, only what the client has encrypted."""
    role = _role(found, upload.user_id, "editor")
    if role is None or RANK[role] < RANK["editor"]:
        return False
    room = found.node.conversation_id
    context = None if room is None else conversations.contexts([room], upload.user_id).get(room)
    if context is None:
        return room is None or upload.version > 1
    return upload.content_type == ENCRYPTED_TYPE or not context.info.settings.encrypted


def require_type(context: MemberContext, content_type: str) -> None:
    """Require that a conversation takes files of this declared type: an encrypted one takes only those that clients
    have encrypted. Raises Forbidden `encrypted_conversation`."""
    if content_type != ENCRYPTED_TYPE:
        context.require_plain()


def _role(found: NodeAccess, user_id: str, enough: Role) -> Role | None:
    if found.node.owner_id == user_id:
        return "owner"
    role: Role | None = None
    for each in _with_ancestors(found):
        if each.node.state == "trashed":
            return None
        role = stronger(role, _granted(each, user_id))
        if role is not None and RANK[role] >= RANK[enough]:
            break
    return role


def _with_ancestors(found: NodeAccess) -> Iterator[NodeAccess]:
    """The node and its ancestors, nearest first."""
    yield found
    for _ in range(2 * MAX_DEPTH):
        if found.node.folder_id is None:
            return
        parent = store.node_access(found.node.folder_id)
        if parent is None:
            return
        yield parent
        found = parent


def _granted(found: NodeAccess, user_id: str) -> Role | None:
    """The role granted on this very node: to the person, or to a conversation that they are a member of."""
    now = clock.now()
    grants = {share.grantee: share for share in found.shares if not has_expired(share, now)}
    role: Role | None = grants[user_id].role if user_id in grants else None
    bound_to = found.node.conversation_id
    wanted = [grantee for grantee in grants if grantee.startswith("cnv_")]
    contexts = conversations.contexts(list(dict.fromkeys([*wanted, *([bound_to] if bound_to else [])])), user_id)
    for conversation_id, context in contexts.items():
        given = grants.get(conversation_id)
        if given is not None and _is_visible(context, given.message_seq):
            role = stronger(role, given.role)
        if conversation_id == bound_to and is_visible_to(context, found.node):
            role = stronger(role, "viewer")
    return role


def _is_visible(context: MemberContext, message_seq: int | None) -> bool:
    """Whether the member may have files attached to this message: not if it was sent before they joined."""
    return message_seq is None or message_seq >= context.member.visible_from


def is_visible_to(context: MemberContext, node: Node) -> bool:
    """Whether a member may see a file of their conversation now."""
    if has_expired(node, clock.now()):
        return False
    if node.message_seq is not None:
        return _is_visible(context, node.message_seq)
    return context.member.visible_from <= 1 or node.created_at >= context.member.joined_at


def ancestors(node: Node) -> list[Node]:
    """The ancestors of a node, nearest first."""
    return [each.node for each in _with_ancestors(NodeAccess(replace(node)))][1:]
