"""A pending upload until it ends: its parts, its completion, its being given up (R31)."""

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
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.resilience import retried


def _mine(caller: Caller, file_id: str, *, ending: bool = False) -> NodeAccess:
    """The file whose upload is the caller's; raises NotFound for what is somebody else's.

    Who uploads into another's folder must still be allowed to, but for giving up.
    """
    found = store.node_access(file_id) if ids.is_id(file_id, "fil") else None
    if found is None:
        raise NotFound
    uploads_it = found.upload is not None and found.upload.user_id == caller.user_id
    if caller.user_id == found.node.owner_id or (ending and uploads_it):
        return found
    access.require_node(file_id, caller.user_id, "editor", kind="file")  # NotFound or Forbidden
    if found.upload is not None and not uploads_it:
        raise NotFound
    return found


def _pending(caller: Caller, file_id: str) -> tuple[NodeAccess, PendingUpload]:
    """The upload that still waits for bytes; raises Conflict `upload_ended` when none does."""
    found = _mine(caller, file_id)
    if found.upload is None or found.upload.state != "uploading":
        raise Conflict("This upload has ended.", code="upload_ended")
    return found, found.upload


def parts(*, caller: Caller, file_id: str, numbers: Sequence[int]) -> dict[str, Any]:
    """Addresses for parts, and which parts have arrived."""
    _, upload = _pending(caller, file_id)
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
    """S3's id of the upload, made on the first call for parts; of two at once one wins."""
    multipart_id = blobs.begin(upload.object_key, content_type=upload.content_type)
    if store.change_upload(upload, multipart_id=multipart_id):
        return multipart_id
    blobs.abort(upload.object_key, multipart_id)
    found = store.node_access(upload.file_id)
    if found is None or found.upload is None or found.upload.multipart_id is None:
        raise Conflict("This upload has ended.", code="upload_ended")
    return found.upload.multipart_id


def _arrived(upload: PendingUpload, multipart_id: str) -> list[Part]:
    """The parts that are there with the size they must have."""
    sizes = model.part_sizes(upload.size)
    try:
        listed = blobs.parts(upload.object_key, multipart_id)
    except BlobMissing:
        return []
    return [part for part in listed if part.number <= len(sizes) and part.size == sizes[part.number - 1]]


def complete(*, caller: Caller, file_id: str, claimed: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """The bytes have been sent: the file is being processed from here on. Harmless when repeated."""
    found = _mine(caller, file_id)
    upload = found.upload
    if upload is None:
        return views.file(found.node)
    if upload.state == "uploading":
        _require_bytes(upload, claimed)
        _processing(found.node, upload)
        found = store.node_access(file_id) or found
    return views.file(found.node, pending=found.upload)


def _require_bytes(upload: PendingUpload, claimed: Sequence[tuple[int, str]]) -> None:
    """Make the parts one blob; raises UploadIncomplete, and ValidationFailed for parts that are not what arrived."""
    if upload.in_parts and upload.multipart_id is not None:
        arrived = _arrived(upload, upload.multipart_id)
        if len(arrived) == len(model.part_sizes(upload.size)):
            etags = {part.number: part.etag for part in arrived}
            if any(etags.get(number) != etag.strip('"') for number, etag in claimed):
                raise ValidationFailed.of("parts", "these are not the parts that arrived")
            try:
                blobs.finish(upload.object_key, upload.multipart_id, arrived)
            except PartsRefused as error:
                raise UploadIncomplete from error
            except BlobMissing:
                pass  # completed by a call whose answer was lost
    if blobs.find(upload.object_key) is None:
        raise UploadIncomplete


def _processing(node: Node, upload: PendingUpload) -> None:
    """Note that the intake has the file; it may have settled it already."""
    now = clock.now()
    if not store.change_upload(upload, state="processing", due_at=now + model.INTAKE_PATIENCE_MS):
        return
    if upload.version == 1 and node.state == "uploading":
        after = replace(node, state="processing", updated_at=max(now, node.updated_at + 1))
        try:
            store.commit(lambda it: store.stage_node(it, node, after))
        except Cancelled:
            return  # settled in this very moment


def abort(*, caller: Caller, file_id: str) -> None:
    """Give an upload up and its room back; what the intake has can be aborted too."""
    first = _mine(caller, file_id, ending=True).upload

    def attempt() -> None:
        found = _mine(caller, file_id, ending=True)
        if first is None or found.upload is None or found.upload.upload_id != first.upload_id:
            raise Conflict("This upload has ended.", code="upload_ended")
        if not give_up(found.node, found.upload):
            raise _Moved  # renamed, noted as complete, or settled in this moment

    try:
        retried(attempt, on=_Moved)
    except _Moved as error:
        raise Conflict("Somebody changed this file at the same time; try again.", retry_after_s=1) from error
    telemetry.count("UploadsAborted")


class _Moved(Exception):
    """The file or its upload has changed since it was looked at."""


def give_up(node: Node, upload: PendingUpload) -> bool:
    """End a pending upload and give its room back, to the byte and once; False when it has ended already."""

    def stage(transaction: Transaction) -> None:
        store.stage_upload_gone(transaction, upload)
        dedup_store.stage_gone(transaction, upload)
        usage_store.stage_change(transaction, node.owner_id, taken=-upload.size)
        if upload.version == 1:
            store.stage_node_gone(transaction, node)

    try:
        store.commit(stage)
    except Cancelled:
        return False
    discard(upload)
    return True


def discard(upload: PendingUpload) -> None:
    """Remove the bytes of an upload that has been given up; what fails is done by the sweep."""
    try:
        if upload.multipart_id is not None:
            blobs.abort(upload.object_key, upload.multipart_id)
        arrived = blobs.find(upload.object_key)
        if arrived is not None:
            blobs.remove(upload.object_key, arrived.version)
    except Exception as error:  # the room is free already; only bytes are left over
        telemetry.logger().warning("bytes left over", exc_info=error, extra={"file_id": upload.file_id})
        objects = [[upload.object_key, "", upload.multipart_id or ""]]
        due_store.put_task(upload.file_id, f"erase#{upload.upload_id}", due_at=clock.now(), objects=objects)
