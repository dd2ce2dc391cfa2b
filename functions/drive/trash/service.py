"""The trash: what is put there, taken back, and deleted for good; whole folders in small steps.

A folder's own step is immediate; what lies in it follows in the same call as far as that is little, and else by the
sweep. Access by shares ends with the folder itself, as it is looked up on the way.
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
from drive.uploads import transfers
from kernel import clock
from kernel.caller import Caller
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import Conflict, NotFound
from kernel.paging import Page, Paginator
from kernel.resilience import retried

AT_ONCE = 50  # nodes of a folder that are treated in the call itself


# --- what people do -------------------------------------------------------------------------------------------


def remove(*, caller: Caller, node_id: str, permanent: bool, file: bool) -> None:
    """Put a node of one's own into the trash, or delete it for good and free its room."""
    found = access.require_node(node_id, caller.user_id, "owner", kind="file" if file else "folder")
    if permanent or found.node.state in ("uploading", "processing", "rejected"):
        purge(found.node)
    else:
        _trash(found.node)
        files.note(found.node, caller.user_id, "trashed")


def _trash(node: Node) -> None:
    if node.state == "trashed":
        return
    _put_away(node)
    if node.is_folder:
        _follow(node.id, "trash")


def _put_away(node: Node) -> None:
    _changed(node.id, lambda each: replace(each, state="trashed", trashed_at=clock.now(), trashed_with=None))


def restore(*, caller: Caller, node_id: str, file: bool) -> dict[str, Any]:
    """Take a node back to where it was; to the top when that folder is gone. Raises NameTaken for folders."""
    node = access.require_node(node_id, caller.user_id, "owner", kind="file" if file else "folder").node
    if node.is_folder and due_store.task_objects(node.id, "purge") is not None:
        raise NotFound  # it is being deleted for good
    if node.state == "trashed":
        above = store.nodes([node.folder_id]).get(node.folder_id) if node.folder_id is not None else None
        lost = node.folder_id is not None and (above is None or above.state == "trashed")
        folder_id = None if lost else node.folder_id

        def back(each: Node) -> Node:
            return replace(each, state="ready", trashed_at=None, trashed_with=None, folder_id=folder_id)

        node = _changed(node_id, back)
        files.note(node, caller.user_id, "restored")
        if node.is_folder:
            _follow(node.id, "restore")
    return views.folder(node) if node.is_folder else views.file(node)


def list_trashed(*, caller: Caller, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """What the caller has put into the trash, by name; each is deleted 30 days after it came here."""
    paging = Paginator(after, caller.user_id, "trash")
    place = item_store.trash(caller.user_id)
    rows = store.listed(place, "", after=paging.start, limit=limit + 1, backwards=False)

    def show(page: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        found = store.nodes([node_id for _, node_id in page])
        return [
            {**views.entry(node), "trashed_at": node.trashed_at, "purged_at": node.trashed_at + model.TRASH_KEPT_MS}
            for _, node_id in page
            if (node := found.get(node_id)) is not None and node.trashed_at is not None
        ]

    return paging.page(rows, limit, lambda row: row[0], show)


# --- one node -------------------------------------------------------------------------------------------------


def _changed(node_id: str, change: Callable[[Node], Node]) -> Node:
    """Change the state of one node with its name's lock, whatever others do meanwhile."""

    def attempt() -> Node:
        node = store.nodes([node_id]).get(node_id)
        if node is None:
            raise NotFound
        after = replace(change(node), updated_at=max(clock.now(), node.updated_at + 1))
        due_at = None if after.trashed_at is None else after.trashed_at + model.TRASH_KEPT_MS

        def stage(transaction: Transaction) -> None:
            store.stage_node(transaction, node, after, due_at=due_at)
            if node.is_folder and node.state != after.state:
                named = name_store.stage_gone if after.state == "trashed" else name_store.stage
                named(transaction, after)

        try:
            store.commit(stage)
        except Cancelled as refused:
            if "name" in refused.failed:
                raise NameTaken from refused
            raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from refused
        return after

    return retried(attempt, on=Conflict)


def purge(node: Node) -> None:
    """Delete a node for good, with everything in it: its room is free when this returns or the sweep has been."""
    if node.is_folder:
        if node.state != "trashed":
            _put_away(node)
        due_store.put_task(node.id, "purge", due_at=clock.now())
        run(node.id, "purge")
    else:
        _purge_file(node.id)


def _purge_file(file_id: str) -> None:
    def attempt() -> None:
        found = store.node_access(file_id)
        if found is None:
            return
        node = found.node
        if found.upload is not None:
            gave_up = transfers.give_up(node, found.upload)
            if not gave_up or found.upload.version == 1:
                if gave_up:
                    _forget(node)
                    return
                raise Conflict("This file is changing; try again.", retry_after_s=1)
        kept = store.versions(file_id)
        if not files.drop_versions(node, kept, also=lambda it: store.stage_node_gone(it, node)):
            raise Conflict("This file is changing; try again.", retry_after_s=1)
        _forget(node)

    retried(attempt, on=Conflict)


def _forget(node: Node) -> None:
    """Remove what stood around a node that is gone."""
    for link in link_store.of_file(node.id):
        link_store.remove(link)
    term_store.index(node.owner_id, node.id, (), model.terms(node.name))
    store.remove_all_of(node.id)


# --- what lies in a folder ------------------------------------------------------------------------------------


def _follow(folder_id: str, kind: str) -> None:
    """Treat what lies in a folder as the folder was, as far as it is little; the rest is left to the sweep."""
    if not store.everything_in(folder_id):
        return
    due_store.put_task(folder_id, kind, due_at=clock.now())
    run(folder_id, kind)


def run(folder_id: str, kind: str, *, at_most: int = AT_ONCE) -> bool:
    """Go on with what a folder's content is due for; whether it is done. May be repeated at any time."""
    left = at_most
    for node in _inside(folder_id) if _is_meant(folder_id, kind) else ():
        if left == 0:
            return False
        left -= _treat(folder_id, node, kind)
    if kind == "purge":
        _purge_folder(folder_id)
    due_store.task_done(folder_id, kind)
    return True


def _is_meant(folder_id: str, kind: str) -> bool:
    """Whether the folder still is as its content shall become: it may have been taken back meanwhile, or put away."""
    if kind == "purge":
        return True
    folder = store.nodes([folder_id]).get(folder_id)
    return folder is not None and (folder.state == "trashed") == (kind == "trash")


def _inside(folder_id: str) -> Iterator[Node]:
    """Everything below a folder, deepest first within each branch."""
    rows = store.everything_in(folder_id)
    found = store.nodes([row.node_id for row in rows])
    for node in found.values():
        if node.is_folder:
            yield from _inside(node.id)
        yield node


def _treat(folder_id: str, node: Node, kind: str) -> int:
    """One node of a folder's content; 1 when there was something to do."""
    if kind == "purge":
        (_purge_folder if node.is_folder else _purge_file)(node.id)
        return 1
    if kind == "trash" and node.state == "ready":
        _changed(node.id, lambda each: replace(each, state="trashed", trashed_with=folder_id))
        return 1
    # put away with this folder, or with one above that it was taken back out of: what was put away alone lies elsewhere
    if kind == "restore" and node.trashed_with is not None:
        try:
            _changed(node.id, lambda each: replace(each, state="ready", trashed_with=None))
        except NameTaken:  # another folder has its name since: it stays in the trash, by itself
            _changed(node.id, lambda each: replace(each, trashed_at=clock.now(), trashed_with=None))
        return 1
    return 0


def _purge_folder(folder_id: str) -> None:
    """Delete a folder that is empty, whoever else is about it (two calls, the sweep)."""

    def attempt() -> None:
        node = store.nodes([folder_id]).get(folder_id)
        if node is None:
            return

        def stage(transaction: Transaction) -> None:
            store.stage_node_gone(transaction, node)
            if node.state != "trashed":  # else its name is free already, and may be another's
                name_store.stage_gone(transaction, node)

        try:
            store.commit(stage)
        except Cancelled as refused:
            raise Conflict("This folder is changing; try again.", retry_after_s=1) from refused
        _forget(node)

    retried(attempt, on=Conflict)
