"""Files: reading, renaming, moving, downloading, versions, activity, favourites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from drive import media_types, model, store, views
from drive.files import access, term_store
from drive.item_store import NodeAccess
from drive.model import Node, NotReady, Role, Version
from drive.trash import due_store
from drive.uploads import lost_access, usage_store
from kernel import blobs, clock, ids, telemetry
from kernel.caller import Caller
from kernel.config import config
from kernel.errors import Conflict, NotFound
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction


def get(*, caller: Caller, file_id: str) -> dict[str, Any]:
    found = access.require_node(file_id, caller.user_id, kind="file")
    return views.current(found.node, found.upload)


def download(*, caller: Caller, file_id: str) -> dict[str, Any]:
    """A download URL of the current version for 5 minutes; raises NotFound, NotReady."""
    return download_url(access.require_node(file_id, caller.user_id, kind="file").node)


def download_url(node: Node) -> dict[str, Any]:
    """A signed URL to download the current version of a ready file as an attachment (R37), and its expiry (ms)."""
    node.require_ready()
    if node.object_key is None or node.object_version is None:
        raise NotReady
    url = blobs.download(
        node.object_key,
        node.object_version,
        name=node.name,
        content_type=media_types.served_type(node.content_type),
        expires_s=model.DOWNLOAD_TTL_S,
    )
    telemetry.count("Downloads")
    telemetry.count("DownloadBytes", node.size)
    return {"url": url, "expires_at": clock.now() + model.DOWNLOAD_TTL_S * clock.SECOND}


def change_node(
    node_id: str,
    user_id: str,
    need: Role,
    change: Callable[[NodeAccess], Node],
    *,
    also: Callable[[Transaction, NodeAccess], None] | None = None,
) -> tuple[Node, Node]:
    """Change a file on which the caller has at least role `need`; returns it before and after the change.

    Retried upon concurrent changes. `change` returns the changed node, and raises if the change is not allowed. `also`
    stages more actions in the same transaction.
    """

    def attempt() -> tuple[Node, Node]:
        found = access.require_node(node_id, user_id, need, kind="file")
        after = change(found)
        if after == found.node:
            return after, after
        after = replace(after, updated_at=max(clock.now(), found.node.updated_at + 1))
        due_at = None if after.trashed_at is None else after.trashed_at + model.TRASH_KEPT_MS

        def stage(transaction: Transaction) -> None:
            store.stage_node(transaction, found.node, after, due_at=due_at)
            if after.folder_id is not None and after.folder_id != found.node.folder_id:
                store.stage_require_ready(transaction, "folder", after.folder_id)
            if also is not None:
                also(transaction, found)

        try:
            store.commit(stage)
        except Cancelled as refused:
            raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from refused
        if after.name != found.node.name:
            before, now = model.terms(found.node.name), model.terms(after.name)
            term_store.index(after.owner_id, after.id, now - before, before - now)
        return found.node, after

    return retried(attempt, on=Conflict)


def change(*, caller: Caller, file_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Rename a file or move it to another folder of the same drive (`folder_id` null: to the root)."""
    name = model.require_name(fields["name"]) if "name" in fields else None

    def wanted(found: NodeAccess) -> Node:
        node = found.node
        if node.state in ("trashed", "rejected"):
            raise NotReady
        if "folder_id" in fields:
            node = replace(node, folder_id=_destination(caller, node, fields["folder_id"]))
        return node if name is None else replace(node, name=name)

    def rename_upload(transaction: Transaction, found: NodeAccess) -> None:
        """Rename the pending upload as well, which would give the file the name that it was begun with."""
        if found.upload is not None and name is not None:
            store.stage_upload_name(transaction, found.upload, name)

    before, node = change_node(file_id, caller.user_id, "editor", wanted, also=rename_upload)
    if node != before:
        record_activity(node, caller.user_id, "changed", **{key: fields[key] for key in fields})
    if node.folder_id != before.folder_id:  # and is perhaps out of somebody's reach
        lost_access.abort_in_drive(node.owner_id)
    return get(caller=caller, file_id=file_id)


def _destination(caller: Caller, node: Node, folder_id: str | None) -> str | None:
    if node.conversation_id is not None:
        raise Conflict("A file of a conversation lies in no folder.")
    return destination(caller, node.owner_id, folder_id)


def destination(caller: Caller, owner_id: str, folder_id: str | None) -> str | None:
    """The id of a folder that the caller may move nodes of this owner into (None: the root, for the owner only).

    Raises NotFound, Forbidden, Conflict for a folder of another owner.
    """
    if folder_id is None:
        if caller.user_id != owner_id:
            raise NotFound
        return None
    folder = access.require_node(folder_id, caller.user_id, "editor", kind="folder").node
    if folder.state == "trashed":
        raise NotFound
    if folder.owner_id != owner_id:
        raise Conflict("Things stay in the drive of their owner.")
    return folder_id


# --- versions -------------------------------------------------------------------------------------------------


def versions(*, caller: Caller, file_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The kept versions of a file, newest first."""
    node = access.require_node(file_id, caller.user_id, kind="file").node
    paging = Paginator(after, caller.user_id, "versions", file_id)
    kept = store.versions(file_id)
    return paging.page_of_all(
        kept, limit, lambda each: -each.number, lambda page: [_version_view(each, node) for each in page]
    )


def _version_view(each: Version, node: Node) -> dict[str, Any]:
    return {
        "version": each.number,
        "name": each.name,
        "size": each.size,
        "content_type": each.content_type,
        "sha256": each.sha256,
        "created_by": each.user_id,
        "current": each.number == node.version,
        "created_at": each.created_at,
    }


def restore_version(*, caller: Caller, file_id: str, number: int) -> dict[str, Any]:
    """Make an earlier version the current one; all other versions are kept."""

    def wanted(found: NodeAccess) -> Node:
        chosen = store.version(file_id, number)
        if chosen is None:
            raise NotFound
        found.node.require_ready()
        if found.upload is not None and found.upload.state == "processing":
            raise Conflict("A new version of this file is being looked at; try again.", retry_after_s=2)
        return replace(model.with_version(found.node, chosen), name=found.node.name)

    def require_version(transaction: Transaction, _found: NodeAccess) -> None:
        store.stage_require_version(transaction, file_id, number)

    before, node = change_node(file_id, caller.user_id, "editor", wanted, also=require_version)
    if node != before:
        record_activity(node, caller.user_id, "version_restored", version=number)
    return views.file(node)


def delete_old_versions(node: Node) -> None:
    """Delete all versions but the newest ones (DRIVE_VERSIONS_KEPT) and the current one."""
    kept = store.versions(node.id)
    for each in kept[config().drive_versions_kept :]:
        if each.number != node.version:  # and, by the condition, has not become the current one meanwhile
            delete_versions(node, [each], also=partial(store.stage_require_not_current, version=each))


def delete_versions(
    node: Node, versions_to_delete: list[Version], *, also: Callable[[Transaction], None] | None = None
) -> bool:
    """Delete versions with their objects and free their quota; False if one has been deleted already."""
    used: dict[str, int] = {}
    for each in versions_to_delete:
        category = media_types.category(each.content_type)
        used[category] = used.get(category, 0) - each.size
    objects = [[key, version, ""] for each in versions_to_delete for key, version in _objects(each)]
    task = f"erase#{ids.new('run')}"

    def stage(transaction: Transaction) -> None:
        for each in versions_to_delete:
            store.stage_version_deletion(transaction, each)
        usage_store.stage_change(transaction, node.owner_id, taken=sum(used.values()), used=used)
        if objects:
            due_store.stage_task(transaction, node.id, task, due_at=clock.now(), objects=objects)
        if also is not None:
            also(transaction)

    try:
        store.commit(stage)
    except Cancelled:
        return False
    if objects:
        delete_objects(node.id, task, objects)
    return True


def _objects(each: Version) -> list[tuple[str, str]]:
    found = [(each.object_key, each.object_version)]
    if each.thumbnail_key is not None:
        found.append((each.thumbnail_key, ""))
    if media_types.category(each.content_type) in ("audio", "video"):
        found.append((model.transcript_key(each.object_key), ""))
    return found


def delete_objects(node_id: str, task: str, objects: list[list[str]]) -> None:
    """Delete objects that no version refers to, and their cleanup task; after a failure the task stays due.

    `objects` are `[key, version, multipart id]`, the last two empty if there is none.
    """
    try:
        for key, version, multipart_id in objects:
            if multipart_id:
                blobs.abort(key, multipart_id)
            found = None if version else blobs.find(key)
            if version or found is not None:
                blobs.remove(key, version or (found.version if found is not None else ""))
        due_store.task_done(node_id, task)
    except Exception as error:
        telemetry.logger().warning("bytes left over", exc_info=error, extra={"node_id": node_id})


# --- activity and favourites ----------------------------------------------------------------------------------

_OWNER_ONLY = ("shared", "unshared", "link_created", "link_removed")


def record_activity(node: Node, user_id: str, action: str, **details: Any) -> None:
    """Add an entry to a file's activity; best effort, because the action itself has succeeded."""
    try:
        store.add_activity(node.id, ids.new("act"), user_id=user_id, action=action, at=clock.now(), details=details)
    except Exception as error:
        telemetry.logger().warning("not noted", exc_info=error, extra={"node_id": node.id})


def activity(*, caller: Caller, file_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The activity on a file, latest first; only its owner sees the details of shares and links."""
    node = access.require_node(file_id, caller.user_id, kind="file").node
    hidden = () if node.owner_id == caller.user_id else _OWNER_ONLY
    paging = Paginator(after, caller.user_id, "activity", file_id)
    rows = store.activity(file_id, before=paging.start, limit=limit)
    items = [
        {
            "user_id": row.user_id,
            "action": row.kind,
            "at": row.created_at,
            "details": {} if row.kind in hidden else row.details or {},
        }
        for row in rows
    ]
    return Page(items, paging.cursor(rows[-1].part if len(rows) == limit else None))


def set_favourite(*, caller: Caller, file_id: str, on: bool) -> None:
    if on:
        access.require_node(file_id, caller.user_id, kind="file")
    term_store.set_favourite(caller.user_id, file_id, on)
