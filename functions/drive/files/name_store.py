"""A folder's name, which exists once in its place."""

from __future__ import annotations

import hashlib

from drive.item_store import Item, root
from drive.model import Node
from kernel.dynamo import Transaction
from kernel.text import sameness

SORT_KEY_MAX_BYTES = 1024


def _key(node: Node) -> tuple[str, str]:
    """The key of a name in its place, one for all that read the same. It may be empty or too long for a sort key: then
    its hash."""
    folded = sameness(node.name)
    if not 1 <= len(folded.encode()) <= SORT_KEY_MAX_BYTES:
        folded = hashlib.sha256(folded.encode()).hexdigest()
    return f"name#{node.folder_id or root(node.owner_id)}", folded


def stage(transaction: Transaction, node: Node) -> None:
    """Take a folder's name in its place (label `name`)."""
    transaction.put("name", Item(*_key(node), target=node.id), Item.node_id.does_not_exist())


def stage_gone(transaction: Transaction, node: Node) -> None:
    """Let a folder's name go, if it is this folder's."""
    transaction.delete("name", Item(*_key(node)), Item.target.does_not_exist() | (Item.target == node.id))
