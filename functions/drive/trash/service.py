"""The trash: trashing, restoring and purging nodes; folders in small steps.

The folder itself is changed at once; up to 50 nodes of its content follow in the same call, the rest by the sweep.
Access to the content by shares ends at once, because access control reads the ancestors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from drive import item_store, model, store, views
from drive.files import access, name_store, term_store
from drive.files import service as files
from drive.model import NameTaken, Node
from drive.sharing import link_store
from drive.trash import due_store
from drive.uploads import lost_access, transfers
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction

AT_ONCE = 50  # nodes of a folder that are processed in the call itself


# --- actions --------------------------------------------------------------------------------------------------


def remove(*, caller: Caller, node_id: str, permanent: bool, file: bool) -> None:
    """Move one of the caller's nodes to the trash, or purge it. Nodes that are not ready are always purged."""
    found = access.require_node(node_id, caller.user_id, "owner", kind="file" if file else "folder")
    if permanent or found.node.state in ("uploading", "processing", "rejected"):
        purge(found.node)
    elif found.node.state != "trashed":
        _trash(found.node)
        files.record_activity(found.node, caller.user_id, "trashed")


def _trash(node: Node) -> None:
    _move_to_trash(node)
    if node.is_folder:
        _process_contents(node.id, "trash")
    lost_access.abort_in_drive(node.owner_id)


def _move_to_trash(node: Node) -> None:
    _change_state(node.id, lambda each: replace(each, state="trashed", trashed_at=clock.now(), trashed_with=None))


def restore(*, caller: Caller, node_id: str, file: bool) -> dict[str, Any]:
    """Restore a node to its folder, or to the root if that is gone. Raises NotFound, and NameTaken for folders."""
    node = access.require_node(node_id, caller.user_id, "owner", kind="file" if file else "folder").node
    if node.is_folder and due_store.task_objects(node.id, "purge") is not None:
        raise NotFound  # it is being purged
    if node.state == "trashed":
        parent = store.nodes([node.folder_id]).get(node.folder_id) if node.folder_id is not None else None
        folder_id = None if parent is None or parent.state == "trashed" else node.folder_id

        def restored(each: Node) -> Node:
            return replace(each, state="ready", trashed_at=None, trashed_with=None, folder_id=folder_id)

        node = _change_state(node_id, restored)
        files.record_activity(node, caller.user_id, "restored")
        if node.is_folder:
            _process_contents(node.id, "restore")
    return model.folder_view(node) if node.is_folder else views.file(node)


def list_trashed(*, caller: Caller, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The caller's trash by name; each node is purged 30 days after it was trashed."""
    paging = Paginator(after, caller.user_id, "trash")
    place = item_store.trash(caller.user_id)
    rows = store.listed(place, "", after=paging.start, limit=limit + 1, descending=False)

    def render(page: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        found = store.nodes([node_id for _, node_id in page])
        return [
            {**views.entry(node), "trashed_at": node.trashed_at, "purged_at": node.trashed_at + model.TRASH_KEPT_MS}
            for _, node_id in page
            if (node := found.get(node_id)) is not None and node.trashed_at is not None
        ]

    return paging.page(rows, limit, lambda row: row[0], render)


# --- one node -------------------------------------------------------------------------------------------------


def _change_state(node_id: str, change: Callable[[Node], Node]) -> Node:
    """Change the state of one node, and claim or release a folder's name; retried upon concurrent changes."""

    def attempt() -> Node:
        node = store.nodes([node_id]).get(node_id)
        if node is None:
            raise NotFound
        after = replace(change(node), updated_at=max(clock.now(), node.updated_at + 1))
        due_at = None if after.trashed_at is None else after.trashed_at + model.TRASH_KEPT_MS

        def stage(transaction: Transaction) -> None:
            store.stage_node(transaction, node, after, due_at=due_at)
            if node.is_folder and node.state != after.state:
                stage_name = name_store.stage_release if after.state == "trashed" else name_store.stage_claim
                stage_name(transaction, after)

        try:
            store.commit(stage)
        except Cancelled as refused:
            if "name" in refused.failed:
                raise NameTaken from refused
            raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from refused
        return after

    return retried(attempt, on=Conflict)


def purge(node: Node) -> None:
    """Delete a node and its content permanently; what this call does not finish is left to the sweep."""
    if node.is_folder:
        if node.state != "trashed":
            _move_to_trash(node)
        due_store.put_task(node.id, "purge", due_at=clock.now())
        run_task(node.id, "purge")
    else:
        _purge_file(node.id)


def _purge_file(file_id: str) -> None:
    def attempt() -> None:
        found = store.node_access(file_id)
        if found is None:
            return
        node = found.node
        if found.upload is not None:
            if not transfers.cancel(node, found.upload):
                raise Conflict("This file is changing; try again.", retry_after_s=1)
            if found.upload.version == 1:
                _delete_remains(node)
                return
        kept = store.versions(file_id)
        if not files.delete_versions(node, kept, also=lambda it: store.stage_node_deletion(it, node)):
            raise Conflict("This file is changing; try again.", retry_after_s=1)
        _delete_remains(node)

    retried(attempt, on=Conflict)


def _delete_remains(node: Node) -> None:
    """Delete the links, index entries and other items of a deleted node."""
    for link in link_store.of_file(node.id):
        link_store.remove(link)
    term_store.index(node.owner_id, node.id, (), model.terms(node.name))
    store.remove_all_of(node.id)


# --- the content of a folder ----------------------------------------------------------------------------------


def _process_contents(folder_id: str, kind: str) -> None:
    """Apply a folder's change (`trash`, `restore`) to its content: `AT_ONCE` nodes now, the rest by the sweep."""
    if not store.everything_in(folder_id):
        return
    due_store.put_task(folder_id, kind, due_at=clock.now())
    run_task(folder_id, kind)


def run_task(folder_id: str, kind: str, *, at_most: int = AT_ONCE) -> bool:
    """Continue a cleanup task of a folder's content for `at_most` nodes; whether it is done. Idempotent."""
    left = at_most
    for node in _inside(folder_id) if _is_still_wanted(folder_id, kind) else ():
        if left == 0:
            return False
        left -= _process_node(folder_id, node, kind)
    if kind == "purge":
        _purge_folder(folder_id)
    due_store.task_done(folder_id, kind)
    return True


def _is_still_wanted(folder_id: str, kind: str) -> bool:
    """Whether the folder is still in the state of the task: it may have been restored or trashed meanwhile."""
    if kind == "purge":
        return True
    folder = store.nodes([folder_id]).get(folder_id)
    return folder is not None and (folder.state == "trashed") == (kind == "trash")


def _inside(folder_id: str) -> Iterator[Node]:
    """All descendants of a folder, each after its own content."""
    rows = store.everything_in(folder_id)
    found = store.nodes([row.node_id for row in rows])
    for node in found.values():
        if node.is_folder:
            yield from _inside(node.id)
        yield node


def _process_node(folder_id: str, node: Node, kind: str) -> int:
    """Process one node of a folder's content; 1 if there was something to do, else 0."""
    if kind == "purge":
        (_purge_folder if node.is_folder else _purge_file)(node.id)
        return 1
    if kind == "trash" and node.state == "ready":
        _change_state(node.id, lambda each: replace(each, state="trashed", trashed_with=folder_id))
        return 1
    # trashed with this folder, or with an ancestor of it; a node that was trashed by itself is in the trash's own list
    if kind == "restore" and node.trashed_with is not None:
        try:
            _change_state(node.id, lambda each: replace(each, state="ready", trashed_with=None))
        except NameTaken:  # another folder has claimed its name: it stays in the trash, by itself
            _change_state(node.id, lambda each: replace(each, trashed_at=clock.now(), trashed_with=None))
        return 1
    return 0


def _purge_folder(folder_id: str) -> None:
    """Delete an empty folder; retried upon concurrent changes, idempotent."""

    def attempt() -> None:
        node = store.nodes([folder_id]).get(folder_id)
        if node is None:
            return

        def stage(transaction: Transaction) -> None:
            store.stage_node_deletion(transaction, node)
            if node.state != "trashed":  # a trashed folder has released its name
                name_store.stage_release(transaction, node)

        try:
            store.commit(stage)
        except Cancelled as refused:
            raise Conflict("This folder is changing; try again.", retry_after_s=1) from refused
        _delete_remains(node)

    retried(attempt, on=Conflict)
