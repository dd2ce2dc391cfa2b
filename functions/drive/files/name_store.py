"""The unique names of folders: an item per name and parent."""

from __future__ import annotations

import hashlib

from drive.item_store import Item, root
from drive.model import Node
from kernel.text import sameness
from kernel.transactions import Transaction

SORT_KEY_MAX_BYTES = 1024


def _key(node: Node) -> tuple[str, str]:
    """The key of a folder's name under its parent, the same for all names that look alike.

    A hash stands for a folded name that is empty or too long for a sort key.
    """
    folded = sameness(node.name)
    if not 1 <= len(folded.encode()) <= SORT_KEY_MAX_BYTES:
        folded = hashlib.sha256(folded.encode()).hexdigest()
    return f"name#{node.folder_id or root(node.owner_id)}", folded


def stage_claim(transaction: Transaction, node: Node) -> None:
    """Claim a folder's name under its parent (label `name`)."""
    transaction.put("name", Item(*_key(node), target=node.id), Item.node_id.does_not_exist())


def stage_release(transaction: Transaction, node: Node) -> None:
    """Release a folder's name, if it is this folder's."""
    transaction.delete("name", Item(*_key(node)), Item.target.does_not_exist() | (Item.target == node.id))
