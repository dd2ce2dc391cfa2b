"""Pending uploads: their parts, completion and cancellation (R31)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from drive import model, store, views
from drive.files import access
from drive.item_store import NodeAccess
from drive.model import Node, PendingUpload, UploadIncomplete
from drive.trash import due_store
from drive.uploads import dedup_store, usage_store
from kernel import blobs, clock, ids, telemetry
from kernel.blobs import BlobMissing, Part, PartsRefused
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction


class UploadEnded(Conflict):
    """The caller's upload has ended, or another one has taken its place."""

    code = "upload_ended"

    def __init__(self) -> None:
        super().__init__("This upload has ended.")


def _require_uploader(caller: Caller, file_id: str, *, ending: bool = False) -> NodeAccess:
    """The file, if the caller owns it or may edit it; raises NotFound, Forbidden.

    An uploader to somebody else's folder must still be an editor, except to end the upload (`ending`).
    """
    found = store.node_access(file_id) if ids.is_id(file_id, "fil") else None
    if found is None:
        raise NotFound
    is_uploader = found.upload is not None and found.upload.user_id == caller.user_id
    if caller.user_id == found.node.owner_id or (ending and is_uploader):
        return found
    access.require_node(file_id, caller.user_id, "editor", kind="file")  # NotFound or Forbidden
    if found.upload is not None and found.upload.version == 1 and not is_uploader:
        raise NotFound  # a new file is its uploader's until it has its bytes
    return found


def _is_of(upload: PendingUpload, caller: Caller, client_id: str | None) -> bool:
    """Whether the caller has begun this upload, with this client_id if one is given.

    The path names the file only, whose upload may be another one by now: of another person or device.
    """
    return upload.user_id == caller.user_id and client_id in (None, upload.client_id)


def parts(*, caller: Caller, file_id: str, numbers: Sequence[int], client_id: str | None = None) -> dict[str, Any]:
    """Upload URLs of parts, and the parts uploaded so far; raises ValidationFailed, UploadEnded."""
    upload = _require_uploader(caller, file_id).upload
    if upload is None or upload.state != "uploading" or not _is_of(upload, caller, client_id):
        raise UploadEnded
    if not upload.in_parts:
        raise ValidationFailed.of("part_numbers", "this upload is one form")
    sizes = model.part_sizes(upload.size)
    if any(number > len(sizes) for number in numbers):
        raise ValidationFailed.of("part_numbers", f"this upload has {len(sizes)} parts")
    multipart_id = upload.multipart_id or _begin_multipart(upload)
    expires_at = clock.now() + model.PART_TTL_S * clock.SECOND
    key = upload.object_key
    return {
        "parts": [
            {
                "number": number,
                "url": blobs.part_address(
                    key, multipart_id, number, size=sizes[number - 1], expires_s=model.PART_TTL_S
                ),
                "expires_at": expires_at,
            }
            for number in dict.fromkeys(numbers)
        ],
        "uploaded": [_part_view(part) for part in _arrived(upload, multipart_id)] if upload.multipart_id else [],
    }


def _part_view(part: Part) -> dict[str, Any]:
    return {"number": part.number, "size": part.size, "etag": part.etag}


def _begin_multipart(upload: PendingUpload) -> str:
    """Begin the multipart upload; returns S3's id of it, also if a concurrent call has begun it."""
    multipart_id = blobs.begin(upload.object_key, content_type=upload.content_type)
    if store.change_upload(upload, multipart_id=multipart_id):
        return multipart_id
    blobs.abort(upload.object_key, multipart_id)
    found = store.node_access(upload.file_id)
    latest = None if found is None else found.upload
    if latest is None or latest.upload_id != upload.upload_id or latest.multipart_id is None:
        raise UploadEnded
    return latest.multipart_id


def _arrived(upload: PendingUpload, multipart_id: str) -> list[Part]:
    """The uploaded parts of the right size."""
    sizes = model.part_sizes(upload.size)
    try:
        listed = blobs.parts(upload.object_key, multipart_id)
    except BlobMissing:
        return []
    return [part for part in listed if part.number <= len(sizes) and part.size == sizes[part.number - 1]]


def complete(
    *, caller: Caller, file_id: str, sent_parts: Sequence[tuple[int, str]], client_id: str | None = None
) -> dict[str, Any]:
    """Complete an upload; its file is `processing` from now on. Idempotent.

    `sent_parts` are `(number, etag)`. Raises UploadIncomplete, UploadEnded, and ValidationFailed for parts other than
    the uploaded ones.
    """
    found = _require_uploader(caller, file_id)
    upload = found.upload
    if upload is None or not _is_of(upload, caller, client_id):
        was_completed = upload is None if client_id is None else _had_its_bytes(caller, file_id, client_id)
        if not was_completed:
            raise UploadEnded
        return views.file(found.node)
    if upload.state == "uploading":
        _require_bytes(upload, sent_parts)
        _processing(found.node, upload)
        found = store.node_access(file_id) or found
    return views.file(found.node, pending=found.upload)


def _had_its_bytes(caller: Caller, file_id: str, client_id: str) -> bool:
    """Whether the caller's upload that is no longer pending ended with its bytes: others are forgotten."""
    made = dedup_store.find(caller.user_id, client_id)
    return made is not None and made.file_id == file_id


def _require_bytes(upload: PendingUpload, sent_parts: Sequence[tuple[int, str]]) -> None:
    """Assemble the parts; raises UploadIncomplete, and ValidationFailed for parts other than the uploaded ones."""
    if upload.in_parts and upload.multipart_id is not None:
        arrived = _arrived(upload, upload.multipart_id)
        if len(arrived) == len(model.part_sizes(upload.size)):
            etags = {part.number: part.etag for part in arrived}
            if any(etags.get(number) != etag.strip('"') for number, etag in sent_parts):
                raise ValidationFailed.of("parts", "these are not the parts that arrived")
            try:
                blobs.finish(upload.object_key, upload.multipart_id, arrived)
            except PartsRefused as error:
                raise UploadIncomplete from error
            except BlobMissing:
                pass  # completed by a call whose response was lost
    if blobs.find(upload.object_key) is None:
        raise UploadIncomplete


def _processing(node: Node, upload: PendingUpload) -> None:
    """Mark the upload and a new file as `processing`, unless the intake has settled it already."""
    now = clock.now()
    if not store.change_upload(upload, state="processing", due_at=now + model.INTAKE_PATIENCE_MS):
        return
    if upload.version == 1 and node.state == "uploading":
        after = replace(node, state="processing", updated_at=max(now, node.updated_at + 1))
        try:
            store.commit(lambda it: store.stage_node(it, node, after))
        except Cancelled:
            return  # settled concurrently


def abort(*, caller: Caller, file_id: str, client_id: str | None = None) -> None:
    """End an upload, also one in the intake, and free its quota; raises NotFound, UploadEnded.

    Without a client_id, the file's owner ends whoever's upload there is.
    """
    begun = _require_uploader(caller, file_id, ending=True)
    first = begun.upload
    as_owner = client_id is None and begun.node.owner_id == caller.user_id
    if first is None or not (as_owner or _is_of(first, caller, client_id)):
        raise UploadEnded

    def attempt() -> None:
        found = _require_uploader(caller, file_id, ending=True)
        if found.upload is None or found.upload.upload_id != first.upload_id:
            raise UploadEnded
        if not cancel(found.node, found.upload):
            raise _Changed

    try:
        retried(attempt, on=_Changed)
    except _Changed as error:
        raise Conflict("Somebody changed this file at the same time; try again.", retry_after_s=1) from error
    telemetry.count("UploadsAborted")


class _Changed(Exception):
    """The file or its upload was changed concurrently."""


def cancel(node: Node, upload: PendingUpload) -> bool:
    """End a pending upload and free its quota, once; False if it has ended or changed already."""

    def stage(transaction: Transaction) -> None:
        store.stage_upload_deletion(transaction, upload)
        dedup_store.stage_deletion(transaction, upload)
        usage_store.stage_change(transaction, node.owner_id, taken=-upload.size)
        if upload.version == 1:
            store.stage_node_deletion(transaction, node)

    try:
        store.commit(stage)
    except Cancelled:
        return False
    delete_bytes(upload)
    return True


def delete_bytes(upload: PendingUpload) -> None:
    """Delete the bytes of a cancelled upload; after a failure the sweep does it."""
    try:
        if upload.multipart_id is not None:
            blobs.abort(upload.object_key, upload.multipart_id)
        arrived = blobs.find(upload.object_key)
        if arrived is not None:
            blobs.remove(upload.object_key, arrived.version)
    except Exception as error:  # the quota is free already
        telemetry.logger().warning("bytes left over", exc_info=error, extra={"file_id": upload.file_id})
        objects = [[upload.object_key, "", upload.multipart_id or ""]]
        due_store.put_task(upload.file_id, f"erase#{upload.upload_id}", due_at=clock.now(), objects=objects)
