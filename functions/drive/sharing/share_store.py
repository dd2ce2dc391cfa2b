"""Shares in the drive's table, under the shared node.

A share is given by hand, by a message's attachment, or by both.
`end_by_hand` and `end_attachment` leave what the other gives; `remove` ends both.
"""

from __future__ import annotations

from dataclasses import replace

from drive.item_store import BY_HAND, Item, shares
from drive.model import ATTACHMENT_ROLE, Grant
from kernel.records import set_or_remove
from kernel.transactions import Transaction


def _part(grantee: str) -> str:
    return f"share#{grantee}"


def find(node_id: str, grantee: str) -> Grant | None:
    return shares.found(Item.find(node_id, _part(grantee)))


def put(each: Grant) -> Grant:
    """Save a share; an existing share of the same grantee keeps its id and gets the new role and time."""
    item = shares.record(each, part=_part(each.grantee), kind=BY_HAND)
    for _ in range(2):
        earlier = find(each.node_id, each.grantee)
        if earlier is None:
            if item.save_if(Item.node_id.does_not_exist()):
                return each
        elif _share_again(earlier, each):
            return replace(each, share_id=earlier.share_id)
    item.save()
    return each


def _share_again(earlier: Grant, each: Grant) -> bool:
    """Make a share explicit, with this role and time; False if it was revoked meanwhile."""
    item = Item(each.node_id, _part(each.grantee))
    actions = [Item.role.set(each.role), Item.created_at.set(each.created_at), Item.kind.set(BY_HAND)]
    return item.update_if(Item.share_id == earlier.share_id, *actions)


def end_by_hand(each: Grant, *, until: int) -> None:
    """End what was shared by hand, unless it was shared again after `until` (ms); what a message gives stays."""
    item = Item(each.node_id, _part(each.grantee))
    older = Item.created_at <= until
    if not item.delete_if(older & Item.message_seq.does_not_exist()):
        item.update_if(older, Item.role.set(ATTACHMENT_ROLE), Item.kind.remove())


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


def end_attachment(node_id: str, grantee: str, message_seq: int) -> None:
    """End what a message's attachment gave; what was shared by hand, or by a later message, stays."""
    item = Item.find(node_id, _part(grantee))
    if item is None or item.message_seq != message_seq:
        return
    unchanged = Item.message_seq == message_seq
    if not item.delete_if(unchanged & Item.kind.does_not_exist()):
        item.update_if(unchanged, Item.message_seq.remove(), Item.ends_at.remove())


def remove(each: Grant) -> None:
    """Delete a share."""
    Item(each.node_id, _part(each.grantee)).delete()
