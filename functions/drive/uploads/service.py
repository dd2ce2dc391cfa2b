"""Beginning uploads: quota is reserved, bytes go straight to the bucket, the intake inspects them (R31, R32)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from conversations import api as conversations
from conversations.api import require_member
from drive import media_types, model, store, views
from drive.files import access
from drive.model import Node, PendingUpload, QuotaExceeded
from drive.uploads import dedup_store, transfers, usage_store
from drive.uploads.dedup_store import UploadDedup
from kernel import blobs, clock, ids, telemetry
from kernel.caller import Caller
from kernel.config import config
from kernel.errors import Conflict, Gone, NotFound, PayloadTooLarge, Problem, Unprocessable, ValidationFailed
from kernel.transactions import Cancelled, Transaction


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A request for an upload."""

    client_id: str
    name: str
    size: int
    content_type: str
    sha256: str
    folder_id: str | None
    conversation_id: str | None
    replaces: str | None

    @property
    def fingerprint(self) -> str:
        """Equal for equal uploads."""
        parts = [self.name, self.size, self.content_type, self.sha256]
        parts += [self.folder_id, self.conversation_id, self.replaces]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


# --- beginning ------------------------------------------------------------------------------------------------


def begin(*, caller: Caller, wanted: NewUpload) -> tuple[dict[str, Any], bool]:
    """Reserve quota: the file with upload instructions, and True, or False for a repeated client_id.

    Two round trips: the destination, and one transaction (quota, file, upload, de-duplication); one more for a further
    version. Raises QuotaExceeded, PayloadTooLarge, UnsupportedMediaType, NotFound, Forbidden, Conflict, and
    Unprocessable if the client_id belongs to another upload.
    """
    if wanted.size > config().drive_file_max_bytes:
        raise PayloadTooLarge(f"A file has at most {config().drive_file_max_bytes} bytes.")
    name = model.require_name(wanted.name)
    wanted = replace(wanted, name=name, content_type=media_types.require_type(wanted.content_type, name))
    try:
        node, upload, earlier = _plan(caller, wanted)
    except Problem:
        earlier_one = dedup_store.find(caller.user_id, wanted.client_id)
        if earlier_one is None:
            raise
        return _replay(caller, wanted, earlier_one), False  # the upload was allowed when it was begun
    try:
        _reserve(node, upload, earlier, wanted.fingerprint)
    except Cancelled as refused:
        if "dedup" in refused.failed:
            return _replay(caller, wanted, dedup_store.find(caller.user_id, wanted.client_id)), False
        if "folder" in refused.failed:
            raise NotFound from refused
        if "usage" in refused.failed:
            raise QuotaExceeded from refused
        raise Conflict("Somebody changed this file at the same time; try again.", retry_after_s=1) from refused
    if earlier is not None:
        transfers.delete_bytes(earlier)
    telemetry.count("UploadsBegun")
    telemetry.count("UploadBytes", upload.size)
    return {"file": views.file(node, pending=upload), "upload": _instructions(upload)}, True


def _plan(caller: Caller, wanted: NewUpload) -> tuple[Node, PendingUpload, PendingUpload | None]:
    """The file, the upload, and the unfinished upload that it replaces."""
    if wanted.replaces is not None:
        return _further_version(caller, wanted)
    node = _new_file(caller, wanted)
    return node, _upload(caller, wanted, node, version=1), None


def _new_file(caller: Caller, wanted: NewUpload) -> Node:
    owner_id = caller.user_id
    if wanted.conversation_id is not None:
        if wanted.folder_id is not None:
            raise ValidationFailed.of("folder_id", "a file belongs to a conversation or lies in a folder")
        context = require_member(wanted.conversation_id, caller.user_id)
        context.require_send()
        access.require_type(context, wanted.content_type)
    elif wanted.folder_id is not None:
        folder = access.require_node(wanted.folder_id, caller.user_id, "editor", kind="folder").node
        if folder.state == "trashed":
            raise NotFound
        owner_id = folder.owner_id
    now = clock.now()
    return Node(
        id=ids.new("fil"),
        kind="file",
        owner_id=owner_id,
        name=wanted.name,
        folder_id=wanted.folder_id,
        created_at=now,
        updated_at=now,
        state="uploading",
        size=wanted.size,
        content_type=wanted.content_type,
        sha256=wanted.sha256,
        conversation_id=wanted.conversation_id,
    )


def _upload(caller: Caller, wanted: NewUpload, node: Node, *, version: int) -> PendingUpload:
    return PendingUpload(
        upload_id=ids.new("upl"),
        file_id=node.id,
        owner_id=node.owner_id,
        user_id=caller.user_id,
        client_id=wanted.client_id,
        version=version,
        name=wanted.name,
        size=wanted.size,
        content_type=wanted.content_type,
        sha256=wanted.sha256,
        state="uploading",
        created_at=clock.now(),
    )


def _further_version(caller: Caller, wanted: NewUpload) -> tuple[Node, PendingUpload, PendingUpload | None]:
    """The file that gets a version, the upload, and the unfinished upload that it replaces."""
    found = access.require_node(wanted.replaces or "", caller.user_id, "editor", kind="file")
    node = found.node
    if wanted.folder_id not in (None, node.folder_id) or wanted.conversation_id not in (None, node.conversation_id):
        raise ValidationFailed.of("replaces", "a new version stays where the file is")
    mine = found.upload is not None and found.upload.user_id == caller.user_id
    if found.upload is not None and mine and found.upload.client_id == wanted.client_id:
        return node, _upload(caller, wanted, node, version=found.upload.version), None  # refused by label `dedup`
    node.require_ready()
    if node.conversation_id is not None:  # its owner may have left it
        for context in conversations.contexts([node.conversation_id], caller.user_id).values():
            access.require_type(context, wanted.content_type)
    if found.upload is not None and found.upload.state != "uploading":
        raise Conflict("A new version of this file is being looked at; try again.", retry_after_s=2)
    # not node.version + 1, because an earlier version may have been restored
    return node, _upload(caller, wanted, node, version=store.newest_version(node.id) + 1), found.upload


def _reserve(node: Node, upload: PendingUpload, earlier: PendingUpload | None, fingerprint: str) -> None:
    def stage(transaction: Transaction) -> None:
        usage_store.stage_reservation(
            transaction,
            node.owner_id,
            upload.size,
            quota=config().drive_quota_bytes,
            freed=earlier.size if earlier is not None else 0,
        )
        dedup_store.stage(transaction, upload, fingerprint)
        if earlier is not None:
            dedup_store.stage_deletion(transaction, earlier)
        if upload.version > 1:
            store.stage_require_ready(transaction, "file", node.id)
        else:
            store.stage_new_node(transaction, node)
            if node.folder_id is not None:
                store.stage_require_ready(transaction, "folder", node.folder_id)
        replacing = None if earlier is None else earlier.upload_id
        due_at = upload.created_at + model.ABANDONED_AFTER_MS
        store.stage_upload(transaction, upload, due_at=due_at, replacing=replacing)

    store.commit(stage)


def _replay(caller: Caller, wanted: NewUpload, made: UploadDedup | None) -> dict[str, Any]:
    """The file of an earlier request with this client_id, with fresh instructions while its upload is pending.

    Raises Conflict, Unprocessable for other fields, Gone, NotFound.
    """
    if made is None:
        raise Conflict("This client_id is being used by another request; try again.", retry_after_s=1)
    if made.fingerprint != wanted.fingerprint:
        raise Unprocessable("This client_id stands for another upload.")
    found = store.node_access(made.file_id)
    if found is None:
        raise Gone("The file of this client_id was deleted.")
    if found.node.owner_id != caller.user_id:
        access.require_node(made.file_id, caller.user_id, "editor", kind="file")
    pending = found.upload if found.upload is not None and found.upload.upload_id == made.upload_id else None
    uploading = pending is not None and pending.state == "uploading"
    file = views.file(found.node, pending=pending)
    return {"file": file, "upload": _instructions(pending) if pending is not None and uploading else None}


def _instructions(upload: PendingUpload) -> dict[str, Any]:
    """A form for up to 16 MiB; above that, the sizes of parts, whose URLs are requested when needed."""
    if upload.in_parts:
        sizes = model.part_sizes(upload.size)
        return {
            "kind": "multipart",
            "part_size": sizes[0],
            "part_count": len(sizes),
            "expires_at": upload.created_at + model.ABANDONED_AFTER_MS,
        }
    url, fields = blobs.form(
        upload.object_key,
        size=upload.size,
        content_type=upload.content_type,
        sha256=upload.sha256,
        expires_s=model.FORM_TTL_S,
    )
    expires_at = clock.now() + model.FORM_TTL_S * clock.SECOND
    return {"kind": "post", "url": url, "fields": fields, "expires_at": expires_at}
