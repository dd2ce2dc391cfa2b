"""Uploads: room is reserved with the file, bytes go straight to the bucket, the intake looks at them (R31, R32)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from conversations.service import require_place
from drive import access, agenda_store, model, store, unique_store, usage_store, views
from drive.item_store import Level
from drive.model import Node, QuotaExceeded, Upload, UploadIncomplete
from kernel import blobs, clock, ids, telemetry
from kernel.blobs import BlobMissing, Part, PartsRefused
from kernel.caller import Caller
from kernel.config import config
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import Conflict, Gone, NotFound, PayloadTooLarge, Unprocessable, ValidationFailed

MAX_PARTS_ASKED = 100


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What somebody wants to upload."""

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
    """Reserve room and say where the bytes go; a repeated client_id gets the first file and False.

    Two round trips: what is uploaded to, and one transaction (quota, file, upload, claim); one more for a further
    version. Raises QuotaExceeded,
    PayloadTooLarge above the largest size, UnsupportedMediaType, Unprocessable when the client_id stands for another.
    """
    if wanted.size > config().drive_file_max_bytes:
        raise PayloadTooLarge(f"A file has at most {config().drive_file_max_bytes} bytes.")
    wanted = replace(
        wanted, name=model.require_name(wanted.name), content_type=model.require_type(wanted.content_type)
    )  # fmt: skip
    if wanted.replaces is not None:
        node, upload, earlier = _further_version(caller, wanted)
    else:
        node, earlier = _new_file(caller, wanted), None
        upload = _upload(caller, wanted, node, version=1)
    try:
        _reserve(node, upload, earlier, wanted.fingerprint)
    except Cancelled as refused:
        if "claim" in refused.failed:
            return _again(caller, wanted), False
        if "usage" in refused.failed:
            raise QuotaExceeded from refused
        raise Conflict("Somebody changed this file at the same time; try again.", retry_after_s=1) from refused
    if earlier is not None:
        discard(earlier)
    telemetry.count("UploadsBegun")
    telemetry.count("UploadBytes", upload.size)
    return {"file": views.file(node, pending=upload), "upload": _instructions(upload)}, True


def _new_file(caller: Caller, wanted: NewUpload) -> Node:
    owner_id = caller.user_id
    if wanted.conversation_id is not None:
        if wanted.folder_id is not None:
            raise ValidationFailed.of("folder_id", "a file belongs to a conversation or lies in a folder")
        require_place(wanted.conversation_id, caller.user_id).require_send()
    elif wanted.folder_id is not None:
        folder = access.reach(wanted.folder_id, caller.user_id, "editor", kind="folder").node
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


def _upload(caller: Caller, wanted: NewUpload, node: Node, *, version: int) -> Upload:
    return Upload(
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


def _further_version(caller: Caller, wanted: NewUpload) -> tuple[Node, Upload, Upload | None]:
    """The file that gets a version, the upload, and an unfinished earlier one that it takes the place of."""
    found = access.reach(wanted.replaces or "", caller.user_id, "editor", kind="file")
    node = found.node
    if wanted.folder_id not in (None, node.folder_id) or wanted.conversation_id not in (None, node.conversation_id):
        raise ValidationFailed.of("replaces", "a new version stays where the file is")
    if found.upload is not None and found.upload.client_id == wanted.client_id:
        return node, _upload(caller, wanted, node, version=found.upload.version), None  # the claim will refuse it
    node.require_ready()
    if found.upload is not None and found.upload.state != "uploading":
        raise Conflict("A new version of this file is being looked at; try again.", retry_after_s=2)
    # an earlier version may have been made the current one: numbers go on behind the newest
    return node, _upload(caller, wanted, node, version=store.newest_version(node.id) + 1), found.upload


def _reserve(node: Node, upload: Upload, earlier: Upload | None, fingerprint: str) -> None:
    def stage(transaction: Transaction) -> None:
        usage_store.stage_reservation(
            transaction,
            node.owner_id,
            upload.size,
            quota=config().drive_quota_bytes,
            freed=earlier.size if earlier is not None else 0,
        )
        unique_store.stage_claim(transaction, upload, fingerprint)
        if upload.version == 1:
            store.stage_new_node(transaction, node)
        replacing = None if earlier is None else earlier.upload_id
        due_at = upload.created_at + model.ABANDONED_AFTER_MS
        store.stage_upload(transaction, upload, due_at=due_at, replacing=replacing)

    store.commit(stage)


def _again(caller: Caller, wanted: NewUpload) -> dict[str, Any]:
    """What the same client_id made before, with fresh instructions while its bytes are still expected."""
    claim = unique_store.claim(caller.user_id, wanted.client_id)
    if claim is None:
        raise Conflict("This client_id is being used by another request; try again.", retry_after_s=1)
    file_id, upload_id, fingerprint = claim
    if fingerprint != wanted.fingerprint:
        raise Unprocessable("This client_id stands for another upload.")
    found = store.level(file_id)
    if found is None:
        raise Gone("The file of this client_id was deleted.")
    pending = found.upload if found.upload is not None and found.upload.upload_id == upload_id else None
    waiting = pending is not None and pending.state == "uploading"
    file = views.file(found.node, pending=pending)
    return {"file": file, "upload": _instructions(pending) if pending is not None and waiting else None}


def _instructions(upload: Upload) -> dict[str, Any]:
    """A form for up to 16 MiB; above, parts that are asked for when they are needed."""
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


# --- parts ----------------------------------------------------------------------------------------------------


def _mine(caller: Caller, file_id: str) -> Level:
    """The file whose upload is the caller's; raises NotFound for what is somebody else's."""
    found = store.level(file_id) if ids.is_id(file_id, "fil") else None
    if found is None:
        raise NotFound
    uploader = found.upload.user_id if found.upload is not None else None
    if caller.user_id not in (uploader, found.node.owner_id):
        access.reach(file_id, caller.user_id, "editor", kind="file")  # NotFound or Forbidden
        if found.upload is not None:
            raise NotFound
    return found


def _pending(caller: Caller, file_id: str) -> tuple[Level, Upload]:
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
    count = len(model.part_sizes(upload.size))
    if any(number > count for number in numbers):
        raise ValidationFailed.of("part_numbers", f"this upload has {count} parts")
    multipart_id = upload.multipart_id or _begin_multipart(upload)
    expires_at = clock.now() + model.PART_TTL_S * clock.SECOND
    key = upload.object_key
    return {
        "parts": [
            {
                "number": number,
                "url": blobs.part_address(key, multipart_id, number, expires_s=model.PART_TTL_S),
                "expires_at": expires_at,
            }
            for number in dict.fromkeys(numbers)
        ],
        "uploaded": [_part_view(part) for part in _arrived(upload, multipart_id)] if upload.multipart_id else [],
    }


def _part_view(part: Part) -> dict[str, Any]:
    return {"number": part.number, "size": part.size, "etag": part.etag}


def _begin_multipart(upload: Upload) -> str:
    """S3's id of the upload, made on the first call for parts; of two at once one wins."""
    multipart_id = blobs.begin(upload.object_key, content_type=upload.content_type)
    if store.change_upload(upload, multipart_id=multipart_id):
        return multipart_id
    blobs.abort(upload.object_key, multipart_id)
    found = store.level(upload.file_id)
    if found is None or found.upload is None or found.upload.multipart_id is None:
        raise Conflict("This upload has ended.", code="upload_ended")
    return found.upload.multipart_id


def _arrived(upload: Upload, multipart_id: str) -> list[Part]:
    """The parts that are there with the size they must have."""
    sizes = model.part_sizes(upload.size)
    try:
        listed = blobs.parts(upload.object_key, multipart_id)
    except BlobMissing:
        return []
    return [part for part in listed if part.number <= len(sizes) and part.size == sizes[part.number - 1]]


# --- ending ---------------------------------------------------------------------------------------------------


def complete(*, caller: Caller, file_id: str, claimed: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """The bytes have been sent: the file is being processed from here on. Harmless when repeated."""
    found = _mine(caller, file_id)
    upload = found.upload
    if upload is None:
        return views.file(found.node)
    if upload.state == "uploading":
        _require_bytes(upload, claimed)
        _processing(found.node, upload)
        found = store.level(file_id) or found
    return views.file(found.node, pending=found.upload)


def _require_bytes(upload: Upload, claimed: Sequence[tuple[int, str]]) -> None:
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


def _processing(node: Node, upload: Upload) -> None:
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
    found = _mine(caller, file_id)
    if found.upload is None:
        raise Conflict("This upload has ended.", code="upload_ended")
    if not give_up(found.node, found.upload):
        raise Conflict("This upload has just ended.", code="upload_ended")
    telemetry.count("UploadsAborted")


def give_up(node: Node, upload: Upload) -> bool:
    """End a pending upload and give its room back, to the byte and once; False when it has ended already."""

    def stage(transaction: Transaction) -> None:
        store.stage_upload_gone(transaction, upload)
        unique_store.stage_claim_gone(transaction, upload)
        usage_store.stage_change(transaction, node.owner_id, taken=-upload.size)
        if upload.version == 1:
            store.stage_node_gone(transaction, node)

    try:
        store.commit(stage)
    except Cancelled:
        return False
    discard(upload)
    return True


def discard(upload: Upload) -> None:
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
        agenda_store.put_errand(upload.file_id, f"erase#{upload.upload_id}", due_at=clock.now(), objects=objects)
