"""The drive's store: nodes with their uploads, versions and activity, and transactions on the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pynamodb.expressions.update import Action

from drive import item_store
from drive.item_store import NODE, UPLOAD, Item, NodeAccess, due_partition
from drive.model import Grant, Node, PendingUpload, Version
from kernel.errors import DependencyUnavailable
from kernel.reads import read_together
from kernel.records import set_or_remove
from kernel.resilience import retry_loop
from kernel.transactions import Cancelled, Transaction

PATIENCE_S = 6.0


# --- reads ----------------------------------------------------------------------------------------------------


def node_access(node_id: str) -> NodeAccess | None:
    """A node, its shares and its pending upload, in one round trip."""
    node, shares, upload = None, [], None
    for item in Item.query(node_id, Item.part.between(NODE, UPLOAD), consistent_read=True):
        if item.part == NODE:
            node = item_store.nodes.value(item)
        elif item.part == UPLOAD:
            upload = item_store.uploads.value(item)
        else:
            shares.append(item_store.shares.value(item))
    return None if node is None else NodeAccess(node, tuple(shares), upload)


def nodes(node_ids: Sequence[str]) -> dict[str, Node]:
    """The existing nodes of these ids, in one round trip per 100."""
    rows = read_together([(Item, (node_id, NODE)) for node_id in node_ids])
    return {node.id: node for node in item_store.nodes.values(rows)}


def listed(place: str, prefix: str, *, after: str | None, limit: int, descending: bool) -> list[tuple[str, str]]:
    """`(order, node_id)` of the nodes in a place whose order begins with `prefix`, after `after`, sorted by order."""
    low, high = prefix or "0", prefix + "\U0010ffff"  # every order begins with 0 or 1
    condition = Item.order.between(*((low, after or high) if descending else (after or low, high)))
    rows = Item.by_place.query(place, condition, scan_index_forward=not descending, limit=limit + 1)
    return [(row.order, row.node_id) for row in rows if row.order != after][:limit]


def everything_in(place: str) -> list[Item]:
    """The index rows of a place: keys, order, size and times; a round trip per megabyte (about 5,000)."""
    return list(Item.by_place.query(place))


def owned(owner_id: str, *, before: int | None, limit: int) -> list[tuple[int, str]]:
    """`(updated_at, node_id)` of a person's nodes, latest first."""
    condition = None if before is None else Item.updated_at <= before
    rows = Item.by_owner.query(owner_id, condition, scan_index_forward=False, limit=limit)
    return [(row.updated_at, row.node_id) for row in rows]


def granted(grantee: str, *, after: str | None, limit: int) -> list[Grant]:
    """The shares of a person or a conversation, by an eventually consistent index."""
    condition = None if after is None else Item.node_id > after
    return item_store.shares.values(Item.by_grantee.query(grantee, condition, limit=limit))


def all_granted(grantee: str) -> list[Grant]:
    """All shares of a person or a conversation, by an eventually consistent index: a round trip per megabyte."""
    return item_store.shares.values(Item.by_grantee.query(grantee))


def uploads_of_others(owner_id: str) -> list[str]:
    """The ids of the files that others are uploading into a person's drive, by an eventually consistent index."""
    return [row.node_id for row in everything_in(item_store.uploads_into(owner_id))]


def uploads_elsewhere(user_id: str) -> list[str]:
    """The ids of the files that a person is uploading into others' drives, by an eventually consistent index."""
    return [row.node_id for row in Item.by_grantee.query(item_store.uploads_by(user_id))]


def versions(file_id: str) -> list[Version]:
    """All kept versions, newest first."""
    rows = Item.query(file_id, Item.part.startswith("version#"), consistent_read=True, scan_index_forward=False)
    return item_store.versions.values(rows)


def newest_version(file_id: str) -> int:
    """The highest number of a kept version."""
    part = Item.part.startswith("version#")
    rows = Item.query(file_id, part, consistent_read=True, scan_index_forward=False, limit=1)
    return max((row.version for row in rows), default=0)


def version(file_id: str, number: int) -> Version | None:
    return item_store.versions.found(Item.find(file_id, _version_part(number)))


def _version_part(number: int) -> str:
    return f"version#{number:08d}"


def activity(node_id: str, *, before: str | None, limit: int) -> list[Item]:
    """The activity on a node, latest first."""
    condition = Item.part.startswith("activity#") if before is None else Item.part.between("activity#", before)
    rows = Item.query(node_id, condition, scan_index_forward=False, limit=limit + 1)
    return [row for row in rows if row.part != before][:limit]


# --- writes ---------------------------------------------------------------------------------------------------


def commit(stage: Callable[[Transaction], None]) -> None:
    """Stage and commit a transaction, with retries while it is contended for up to 6 s.

    Raises Cancelled if a condition fails, DependencyUnavailable when retries are exhausted.
    """
    for _ in retry_loop(PATIENCE_S, base_s=0.02, cap_s=0.4):
        transaction = Transaction()
        stage(transaction)
        try:
            transaction.commit()
            return
        except Cancelled as refused:
            if refused.failed or not refused.contended:
                raise
    raise DependencyUnavailable("This drive is very busy; try again.", retry_after_s=1)


def stage_new_node(transaction: Transaction, node: Node) -> None:
    transaction.put("node", item_store.node_item(node), Item.node_id.does_not_exist())


def stage_node(transaction: Transaction, before: Node, after: Node, *, due_at: int | None = None) -> None:
    """Replace a node on condition that it is unchanged (label `node`). The sweep sees it from `due_at` (ms; None:
    never)."""
    actions = item_store.node_changes(before, after)
    actions.append(set_or_remove(Item.agenda, None if due_at is None else due_partition(after.id)))
    actions.append(set_or_remove(Item.due_at, due_at))
    unchanged = (Item.updated_at == before.updated_at) & (Item.state == before.state)
    transaction.update("node", Item(after.id, NODE), actions, unchanged & (Item.version == before.version))


def stage_require_ready(transaction: Transaction, label: str, node_id: str) -> None:
    """Require that a node is ready: neither trashed nor deleted meanwhile (under `label`)."""
    transaction.check(label, Item, (node_id, NODE), Item.state == "ready")


def stage_attached(
    transaction: Transaction, label: str, node: Node, message_seq: int | None, ends_at: int | None
) -> None:
    """Set the message that a file belongs to, if there is one, and require that it is ready (under `label`)."""
    ready = (Item.state == "ready") & (Item.owner_id == node.owner_id)
    if message_seq is None:
        transaction.check(label, Item, (node.id, NODE), ready)
    else:
        actions: list[Action] = [Item.message_seq.set(message_seq), set_or_remove(Item.ends_at, ends_at)]
        transaction.update(label, Item(node.id, NODE), actions, ready)


def stage_node_deletion(transaction: Transaction, node: Node) -> None:
    transaction.delete("node", Item(node.id, NODE), (Item.updated_at == node.updated_at) & (Item.state == node.state))


def stage_upload(transaction: Transaction, upload: PendingUpload, *, due_at: int, replacing: str | None) -> None:
    """Save a pending upload in place of the one with id `replacing`, or of none (label `upload`)."""
    condition = Item.node_id.does_not_exist() if replacing is None else Item.upload_id == replacing
    transaction.put("upload", item_store.upload_item(upload, due_at), condition)


def stage_upload_name(transaction: Transaction, upload: PendingUpload, name: str) -> None:
    """Give a pending upload another name (label `upload` fails if it has ended)."""
    item = Item(upload.file_id, UPLOAD)
    transaction.update("upload", item, [Item.name.set(name)], Item.upload_id == upload.upload_id)


def stage_upload_deletion(transaction: Transaction, upload: PendingUpload) -> None:
    transaction.delete("upload", Item(upload.file_id, UPLOAD), Item.upload_id == upload.upload_id)


def change_upload(upload: PendingUpload, *, due_at: int | None = None, **changes: Any) -> bool:
    """Set fields of a pending upload; False if it has ended, or already has the `multipart_id` to be set."""
    actions: list[Action] = [getattr(Item, name).set(value) for name, value in changes.items()]
    if due_at is not None:
        actions.append(Item.due_at.set(due_at))
    condition = Item.upload_id == upload.upload_id
    if "multipart_id" in changes:
        condition &= Item.multipart_id.does_not_exist()
    return Item(upload.file_id, UPLOAD).update_if(condition, *actions)


def stage_version(transaction: Transaction, each: Version) -> None:
    item = item_store.versions.record(each, part=_version_part(each.number))
    transaction.put("version", item, Item.node_id.does_not_exist())


def stage_require_version(transaction: Transaction, file_id: str, number: int) -> None:
    """Require that a version exists (label `kept`)."""
    transaction.check("kept", Item, (file_id, _version_part(number)), Item.node_id.exists())


def stage_require_not_current(transaction: Transaction, version: Version) -> None:
    """Require that a version is not the current one (label `current`)."""
    transaction.check("current", Item, (version.file_id, NODE), Item.version != version.number)


def stage_version_deletion(transaction: Transaction, each: Version) -> None:
    transaction.delete("version", Item(each.file_id, _version_part(each.number)), Item.node_id.exists())


def add_activity(node_id: str, entry_id: str, *, user_id: str, action: str, at: int, details: dict[str, Any]) -> None:
    """Add an entry to a node's activity."""
    Item(node_id, f"activity#{entry_id}", user_id=user_id, kind=action, created_at=at, details=details).save()


def remove_all_of(node_id: str) -> None:
    """Delete the remaining items of a deleted node (shares, activity, links), except cleanup tasks."""
    rows = Item.query(node_id, consistent_read=True)
    Item.delete_all(row for row in rows if row.part != NODE and not row.part.startswith("errand#"))
