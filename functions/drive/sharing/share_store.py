"""Shares in the drive's table, under the shared node."""

from __future__ import annotations

from dataclasses import replace

from drive.item_store import BY_HAND, Item, shares
from drive.model import Grant, Role
from kernel.dynamo import Transaction
from kernel.records import set_or_remove


def _part(grantee: str) -> str:
    return f"share#{grantee}"


def find(node_id: str, grantee: str) -> Grant | None:
    return shares.found(Item.find(node_id, _part(grantee)))


def put(each: Grant) -> Grant:
    """Save a share; an existing share of the same grantee keeps its id and gets the new role."""
    item = shares.record(each, part=_part(each.grantee), kind=BY_HAND)
    for _ in range(2):
        earlier = find(each.node_id, each.grantee)
        if earlier is None:
            if item.save_if(Item.node_id.does_not_exist()):
                return each
        elif change_role(earlier, each.role):
            return replace(earlier, role=each.role, ends_at=None, message_seq=None)
    item.save()
    return each


def change_role(each: Grant, role: Role) -> bool:
    """Make a share explicit, with this role; False if it was revoked meanwhile."""
    item = Item(each.node_id, _part(each.grantee))
    return item.update_if(Item.share_id == each.share_id, Item.role.set(role), Item.kind.set(BY_HAND))


def stage(transaction: Transaction, each: Grant, message_seq: int) -> None:
    """Stage a share by an attachment; an explicit share of the same grantee keeps its role."""
    actions = [
        Item.share_id.set(Item.share_id | each.share_id),
        Item.grantee.set(each.grantee),
        Item.role.set(Item.role | each.role),
        Item.created_at.set(Item.created_at | each.created_at),
        Item.user_id.set(Item.user_id | each.user_id),
        Item.message_seq.set(message_seq),
        set_or_remove(Item.ends_at, each.ends_at),
    ]
    transaction.update("share", Item(each.node_id, _part(each.grantee)), [*actions])


def given_with(node_id: str, grantee: str, message_seq: int) -> Grant | None:
    """The share by this message's attachment, unless it is explicit or a later message has the file attached."""
    found = find(node_id, grantee)
    return found if found is not None and found.message_seq == message_seq else None


def remove(each: Grant) -> None:
    """Delete a share."""
    Item(each.node_id, _part(each.grantee)).delete()
