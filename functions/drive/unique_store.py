"""What may exist once: what a client_id made, and a folder's name in its place."""

from __future__ import annotations

import hashlib

from drive.item_store import Item, root
from drive.model import Node, Upload, fold
from kernel.dynamo import Transaction

SORT_KEY_MAX_BYTES = 1024


def claim(user_id: str, client_id: str) -> tuple[str, str, str] | None:
    """`(file_id, upload_id, fingerprint)` of what this client_id made."""
    found = Item.find(_claim(user_id, client_id), "claim")
    return None if found is None else (found.target, found.upload_id, found.fingerprint)


def _claim(user_id: str, client_id: str) -> str:
    return f"claim#{user_id}#{client_id}"


def stage_claim(transaction: Transaction, upload: Upload, fingerprint: str) -> None:
    """Label `claim`."""
    record = Item(
        _claim(upload.user_id, upload.client_id), "claim", target=upload.file_id, upload_id=upload.upload_id,
        fingerprint=fingerprint,
    )  # fmt: skip
    transaction.put("claim", record, Item.node_id.does_not_exist())


def stage_claim_gone(transaction: Transaction, upload: Upload) -> None:
    transaction.delete("claim", Item(_claim(upload.user_id, upload.client_id), "claim"))


def _name(node: Node) -> tuple[str, str]:
    """The key of a name in its place. Folded it may be empty, or longer than a sort key may be: then its hash."""
    folded = fold(node.name)
    if not 1 <= len(folded.encode()) <= SORT_KEY_MAX_BYTES:
        folded = hashlib.sha256(folded.encode()).hexdigest()
    return f"name#{node.folder_id or root(node.owner_id)}", folded


def stage_name(transaction: Transaction, node: Node) -> None:
    """Take a folder's name in its place (label `name`)."""
    transaction.put("name", Item(*_name(node), target=node.id), Item.node_id.does_not_exist())


def stage_name_gone(transaction: Transaction, node: Node) -> None:
    transaction.delete("name", Item(*_name(node)), Item.target.does_not_exist() | (Item.target == node.id))
